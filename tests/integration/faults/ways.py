"""Money in other ways than a person's own payment, for the small run: a collective bill, an agent's deposit, a bank's file with an astray line."""

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
    """Three more people are in it; what the bank took stands in its books."""
    others = [await run.newcomer() for _ in range(HEADS + 1)]
    await run.settle()
    collective = await _collective(run, bank, [code for _, code in others[:HEADS]])
    await _deposit(run, bank)
    await _file(run, others[HEADS][1], price, collective)


async def _collective(run: SmallRun, bank: Bank, codes: list[str]) -> tuple[str, str, int]:
    """Issued by an officer, paid in one sum, posted share by share; gives number, reference and sum."""
    h = run.harnesses["payments"]
    officer = h.token(roles=["officer"], branch_id=run.branch_id)
    bill = await _post(run, "/collective-bills", {"participants": codes, "funding_source": "DONOR"}, officer)
    assert (await bank.pay(bill["code"], bill["amount"], "R-whole")).json()["responseCode"] == "2002500"
    run.party.held(bill["code"], "R-whole", bill["amount"], "done")
    assert await h.due("collective-posting")
    return bill["code"], "R-whole", bill["amount"]


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
    assert answer.status_code == 201, answer.text
    return answer.json()
