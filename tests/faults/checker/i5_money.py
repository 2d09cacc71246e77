"""I5: money balances, and states go forward.

Every event that moves money is the ledger lines that it must be, by `lines.py`; debit equals credit; balances are the sums of the lines; no
account was below its floor after any transaction; what people gave us is what the bank holds; statements of incentives are what their lines
come to, and are paid out once; what two people sent to somebody left once; whoever left looks after nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from tests.faults.checker import departures, incentives, managers, payouts
from tests.faults.checker.i3_payments import bank_books
from tests.faults.checker.lines import BANK, CLEARING, EXPENSE, FEES, OF_AGENTS, Line, lines_of, owed, stated, total
from tests.faults.checker.receipts import Reference, folded
from tests.faults.checker.tally import Tally
from tests.faults.checker.transitions import MACHINES, STREAMS, histories, offences, open_at_once
from tests.faults.checker.world import Row, World

SERVICE, REGISTRATION = "payments", "registration"
NO_FLOOR = (BANK, FEES, EXPENSE)
"""Cash that we may advance, what a partner kept less what it is given back, and what incentives cost."""


async def check(world: World, tally: Tally) -> None:
    for service in world.facts.services:
        await forward(world, tally, service)
    if SERVICE in world.facts.services:
        await books(world, tally)
        await _against_the_bank(world, tally)
        incentives.check(await world.log(SERVICE), tally)
        await _paid_out(world, tally)
    if REGISTRATION in world.facts.services:
        await _looked_after(world, tally)


async def books(world: World, tally: Tally) -> None:
    """What the log and the ledger of payments say of each other; nobody outside is asked."""
    await _lines(world, tally)
    await _sums(world, tally)
    await _floors(world, tally)
    log = await world.log(SERVICE)
    tally.checked += sum(event.type == "TransferOrdered" for event in log)
    for what, expected, actual in departures.offences(log):
        tally.bad("payments.transfer_orders", what, expected=expected, actual=actual)


async def _paid_out(world: World, tally: Tally) -> None:
    log = await world.log(SERVICE)
    tally.checked += sum(event.type in payouts.JUDGED for event in log)
    for statement, expected, actual in payouts.offences(log, world.planted.paid_out):
        tally.bad("payments.wadah_statements", statement, expected=expected, actual=actual)


async def _looked_after(world: World, tally: Tally) -> None:
    rows = await world.rows(REGISTRATION, "participants")
    of = {str(row["participant_id"]): None if row["agent_id"] is None else str(row["agent_id"]) for row in rows}
    tally.checked += len(of)
    for participant, expected, actual in managers.offences(await world.log(REGISTRATION), of):
        tally.bad("registration.participants", participant, expected=expected, actual=actual)


async def forward(world: World, tally: Tally, service: str) -> None:
    """Consecutive events are steps that `transitions.toml` allows."""
    log = await world.log(service)
    for machine in MACHINES:
        for key, types in histories(machine, log).items():
            tally.checked += len(types)
            for expected, actual in offences(machine, types):
                tally.bad(f"{service}.{machine['stream']}", key, expected=expected, actual=actual)
    for event in log:
        if event.stream not in STREAMS:
            tally.bad(f"{service}.event_log", event.event_id, expected="a stream with a machine", actual=event.stream)
    for payer, bill in open_at_once(log):
        tally.bad(f"{service}.contributions", payer, expected="one open bill of a payer", actual=f"{bill} beside it")


async def _lines(world: World, tally: Tally) -> None:
    """Every event's lines as they lie in `transfers`, and no line without its event."""
    lying: defaultdict[str, Counter[Line]] = defaultdict(Counter)
    for row in await world.rows(SERVICE, "transfers"):
        payment = None if row["payment_id"] is None else str(row["payment_id"])
        lying[str(row["event_id"])][row["debit"], row["credit"], row["amount"], payment, row["month"]] += 1
    for event in await world.log(SERVICE):
        expected = Counter(lines_of(event))
        found = lying.pop(event.event_id, Counter())
        if not expected and not found:
            continue
        where, told = "payments.transfers", f"{found.total()} lines of {total(found.elements())} rupiah"
        wanted = f"{expected.total()} lines of {total(expected.elements())} rupiah"
        tally.see(found == expected, where, event.event_id, expected=wanted, actual=told)
        if total(expected.elements()) != stated(event):
            tally.bad(where, event.event_id, expected=f"{stated(event)} rupiah", actual=total(expected.elements()))
    for event_id, found in lying.items():
        moved = f"{total(found.elements())} rupiah"
        tally.bad("payments.transfers", event_id, expected="an event that moved money", actual=moved)


async def _sums(world: World, tally: Tally) -> None:
    sides: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in await world.rows(SERVICE, "transfers"):
        sides[row["debit"], str(row["branch_id"])][0] += row["amount"]
        sides[row["credit"], str(row["branch_id"])][1] += row["amount"]
    balances = {(row["account"], str(row["branch_id"])): row for row in await world.rows(SERVICE, "balances")}
    for place in sides.keys() | balances.keys():
        stands, (debit, credit) = balances.get(place), sides.get(place, (0, 0))
        found = (0, 0) if stands is None else (stands["debit"], stands["credit"])
        tally.see(
            found == (debit, credit),
            "payments.balances",
            ":".join(place),
            expected=f"debit {debit}, credit {credit}",
            actual=f"debit {found[0]}, credit {found[1]}",
        )
    debit, credit = (sum(row[side] for row in balances.values()) for side in ("debit", "credit"))
    tally.see(debit == credit, "payments.balances", "all", expected=f"credit {debit}", actual=f"credit {credit}")


async def _floors(world: World, tally: Tally) -> None:
    """After each transaction, in the order of the log: nobody owes us less than nothing, and we never give from what we do not hold."""
    lines: defaultdict[str, list[Row]] = defaultdict(list)
    for row in await world.rows(SERVICE, "transfers"):
        lines[str(row["event_id"])].append(row)
    by_transaction: defaultdict[str, list[Row]] = defaultdict(list)
    for event in await world.log(SERVICE):
        by_transaction[event.tx_id] += lines.get(event.event_id, ())
    held: Counter[str] = Counter()
    for rows in by_transaction.values():
        for row in rows:
            for account, sign in ((row["debit"], 1), (row["credit"], -1)):
                held[account] += row["amount"] * (sign if account.startswith(CLEARING) else -sign)
        for account in sorted({row[side] for row in rows for side in ("debit", "credit")}):
            if not account.startswith(NO_FLOOR):
                fine, now = held[account] >= 0, held[account]
                tally.see(fine, "payments.transfers", account, expected="≥ 0 rupiah", actual=now)


async def _against_the_bank(world: World, tally: Tally) -> None:
    """B total − paid back = contributions + suspense + collective + agents' balances + credit + refunds payable. What the bank took back is not
    in its total; money of other partners is added by our own log, and what an agent's balance paid was counted when it was deposited.
    """
    partner, books = await bank_books(world)
    fold, log = folded(await world.log(SERVICE)), await world.log(SERVICE)
    posted = {one.reference for one in fold.receipts.values() if one.own and one.stands}
    taken = sum(row["amount"] for reference, row in books.items() if _ours(reference, row, posted, world))
    others = sum(one.at.total() for one in fold.receipts.values() if one.own and one.reference[0] != partner)
    gone = sum(e.data["amount"] for e in log if e.type == "TransferConfirmed" and e.data["purpose"] != "INCENTIVE")
    assigned = sum(e.data["amount"] for e in log if e.type == "PaymentAssigned")
    net = await _net(world)
    held = -sum(amount for account, amount in net.items() if owed(account))
    expected = taken + others - gone - assigned
    tally.see(held == expected, "payments.balances", "all", expected=f"{expected} rupiah held", actual=held)
    passed = net.get(CLEARING + OF_AGENTS, 0)
    tally.see(passed == 0, "payments.balances", CLEARING + OF_AGENTS, expected="0 rupiah", actual=passed)


def _ours(reference: Reference, row: Row, posted: set[Reference], world: World) -> bool:
    """Money that the bank owes us: done, and told to us or found by us; or still in doubt there and posted here."""
    if row["state"] == "done":
        return reference in posted or row["told"] or reference[1] not in world.planted.missing_here
    return row["state"] in ("pending", "unknown") and reference in posted


async def _net(world: World) -> Mapping[str, int]:
    """Debit minus credit per account, over all branches."""
    net: Counter[str] = Counter()
    for row in await world.rows(SERVICE, "balances"):
        net[row["account"]] += row["debit"] - row["credit"]
    return net
