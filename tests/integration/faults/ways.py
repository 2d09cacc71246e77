"""Money in other ways than a person's own payment, for the small run: a collective bill, another that is taken back, an agent's deposit, a bank's
file with an astray line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.integration.payments.bank import Bank
from tests.support.settlement import DAY, MARKED, marked

if TYPE_CHECKING:
    from tests.integration.faults.small_run import SmallRun

AGENT, WADAH = UUID(int=0xA6E), UUID(int=0x3ADA)
DEPOSIT = 250_000
HEADS = 2


async def every_way(run: SmallRun, bank: Bank, price: int) -> None:
    """Five more people are in it; what the bank took stands in its books."""
    others = [await run.newcomer() for _ in range(2 * HEADS + 1)]
    await run.settle()
    collective = await _collective(run, bank, [code for _, code in others[:HEADS]], "R-whole")
    await _taken_back(run, bank, [code for _, code in others[HEADS + 1 :]])
    await _deposit(run, bank)
    await _file(run, others[HEADS][1], price, collective)


async def _taken_back(run: SmallRun, bank: Bank, codes: list[str]) -> None:
    """Paid and posted like the other; then the bank says that it never had the money, and each share goes back."""
    number, reference, _ = await _collective(run, bank, codes, "R-never")
    await run.settle()
    h = run.harnesses["payments"]
    (row,) = await run.sql("payments", "SELECT payment_id FROM collective_bills WHERE code = $1", number)
    wanted = {"action": "VOID", "payment_id": str(row["payment_id"]), "reason": "missing_at_bank", "evidence": "1"}
    officer = h.token(roles=["officer"], subject="officer-1", branch_id=run.branch_id)
    made = await _post(run, "/proposals", wanted, officer)
    head = h.token(roles=["checker"], subject="head-1", branch_id=run.branch_id)
    await _post(run, f"/proposals/{made['proposal_id']}/approval", None, head)
    run.party.take_back(reference)
    assert await h.due("collective-reversal")


async def _collective(run: SmallRun, bank: Bank, codes: list[str], reference: str) -> tuple[str, str, int]:
    """Issued by an officer, paid in one sum, posted share by share; gives number, reference and sum."""
    h = run.harnesses["payments"]
    officer = h.token(roles=["officer"], branch_id=run.branch_id)
    bill = await _post(run, "/collective-bills", {"participants": codes, "funding_source": "DONOR"}, officer)
    assert (await bank.pay(bill["code"], bill["amount"], reference)).json()["responseCode"] == "2002500"
    run.party.held(bill["code"], reference, bill["amount"], "done")
    assert await h.due("collective-posting")
    return bill["code"], reference, bill["amount"]


async def _deposit(run: SmallRun, bank: Bank) -> None:
    h = run.harnesses["payments"]
    agent = h.token(roles=["agent"], agent_id=AGENT, wadah_id=WADAH, branch_id=run.branch_id)
    number = (await _post(run, "/agent-balances", None, agent))["code"]
    assert (await bank.pay(number, DEPOSIT, "R-deposit")).json()["responseCode"] == "2002500"
    run.party.held(number, "R-deposit", DEPOSIT, "done")


async def _file(run: SmallRun, code: str, price: int, whole: tuple[str, str, int]) -> None:
    """One line under a number that nobody has, one that is a collective bill's; whatever else was paid that day the file does not list."""
    h = run.harnesses["payments"]
    central = h.token(roles=["central"])
    layout = {"partner": "bank-a", "valid_from": "2025-01-01", "layout": MARKED.model_dump(mode="json")}
    await _post(run, "/settlements/layouts", layout, central)
    mistyped = code[:-1] + str((int(code[-1]) + 1) % 10)
    run.party.held(mistyped, "R-astray", price, "done")
    number, reference, amount = whole
    content = marked(("R-astray", f"8100{mistyped}", price), (reference, f"8100{number}", amount))
    headers = h.token(roles=["central"]) | {"Content-Type": "text/csv"}
    path = f"/settlements/days/bank-a/{DAY}/files"
    answer = await h.client.post(path, content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    assert await h.due("settlement-files")


async def _post(run: SmallRun, path: str, body: Any, headers: dict[str, str]) -> Any:
    answer = await run.harnesses["payments"].client.post(path, json=body, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()
