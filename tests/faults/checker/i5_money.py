"""I5: money balances, and states go forward.

Every payment event is the ledger lines that it must be, by this file's own arithmetic; debit equals credit; balances are the sums of the lines; no
account was below its floor at any event; what we hold is what the bank holds. (Incentives come later.)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tests.faults.checker.i3_payments import bank_books
from tests.faults.checker.tally import Tally
from tests.faults.checker.transitions import MACHINES, STREAMS, histories, offences
from tests.faults.checker.world import Event, Row, World

SERVICE = "payments"
CLEARING, SUSPENSE = "clearing:", "suspense"
COMPONENTS = {"jkk": "contributions:jkk", "jkm": "contributions:jkm", "jht": "contributions:jht"}
MOVES = ("ContributionPaid", "ContributionReversed", "PaymentUnmatched")
Line = tuple[str, str, int, str, str | None]
"""Debit, credit, amount, payment, contribution month."""


async def check(world: World, tally: Tally) -> None:
    for service in world.facts.services:
        await _forward(world, tally, service)
    if SERVICE in world.facts.services:
        await _lines(world, tally)
        await _sums(world, tally)
        await _floors(world, tally)
        await _against_the_bank(world, tally)


async def _forward(world: World, tally: Tally, service: str) -> None:
    log = await world.log(service)
    for machine in MACHINES:
        for key, types in histories(machine, log).items():
            tally.checked += len(types)
            for expected, actual in offences(machine, types):
                tally.bad(f"{service}.{machine['stream']}", key, expected=expected, actual=actual)
    for event in log:
        if event.stream not in STREAMS:
            tally.bad(f"{service}.event_log", event.event_id, expected="a stream with a machine", actual=event.stream)


def lines_of(event: Event) -> Iterable[Line]:
    """What one event moves: each component of each month, from the partner's clearing account or back to it."""
    data, partner = event.data, CLEARING + event.data["partner"]
    if event.type == "PaymentUnmatched":
        yield partner, SUSPENSE, data["amount"], data["payment_id"], None
        return
    for charge in data["months"]:
        for component, account in COMPONENTS.items():
            if charge[component]:
                pair = (partner, account) if event.type == "ContributionPaid" else (account, partner)
                yield *pair, charge[component], data["payment_id"], charge["month"]


async def _lines(world: World, tally: Tally) -> None:
    """Every event's lines as they lie in `transfers`, and no line without its event."""
    lying: defaultdict[str, Counter[Line]] = defaultdict(Counter)
    for row in await world.rows(SERVICE, "transfers"):
        line = (row["debit"], row["credit"], row["amount"], str(row["payment_id"]), row["month"])
        lying[str(row["event_id"])][line] += 1
    by_type = await world.by_type(SERVICE)
    for event in (event for type_ in MOVES for event in by_type.get(type_, ())):
        expected, found = Counter(lines_of(event)), lying.pop(event.event_id, Counter())
        where, told = "payments.transfers", f"{sum(found.values())} lines of {_sum(found)} rupiah"
        wanted = f"{sum(expected.values())} lines of {_sum(expected)} rupiah"
        tally.see(found == expected, where, event.event_id, expected=wanted, actual=told)
        if _sum(expected) != event.data["amount"]:
            tally.bad(where, event.event_id, expected=f"{event.data['amount']} rupiah in months", actual=_sum(expected))
    for event_id, found in lying.items():
        tally.bad("payments.transfers", event_id, expected="an event that moved money", actual=f"{_sum(found)} rupiah")


def _sum(lines: Counter[Line]) -> int:
    return sum(line[2] * number for line, number in lines.items())


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
    """In the order of the log: a partner never owes us less than nothing, and we never give from what we do not hold."""
    lines: defaultdict[str, list[Row]] = defaultdict(list)
    for row in await world.rows(SERVICE, "transfers"):
        lines[str(row["event_id"])].append(row)
    held: Counter[tuple[str, str]] = Counter()
    for event in await world.log(SERVICE):
        touched = set()
        for row in lines.get(event.event_id, ()):
            for account, sign in ((row["debit"], 1), (row["credit"], -1)):
                place = (account, str(row["branch_id"]))
                held[place] += row["amount"] * (sign if account.startswith(CLEARING) else -sign)
                touched.add(place)
        for place in touched:
            tally.see(
                held[place] >= 0, "payments.transfers", ":".join(place), expected="≥ 0 rupiah", actual=held[place]
            )


async def _against_the_bank(world: World, tally: Tally) -> None:
    """B total − returned = contributions + suspense. What the bank took back is not in its total; other partners' money is left out."""
    partner, books = await bank_books(world)
    posted = {(row["partner"], row["channel_reference"]) for row in await world.rows(SERVICE, "payments")}
    waiting = {(row["partner"], row["channel_reference"]) for row in await world.rows(SERVICE, "suspense")}
    total = sum(row["amount"] for reference, row in books.items() if _ours(reference, row, posted | waiting, world))
    net = await _net(world)
    held = sum(-amount for account, amount in net.items() if not account.startswith(CLEARING))
    others = sum(
        amount for account, amount in net.items() if account.startswith(CLEARING) and account != CLEARING + partner
    )
    tally.see(
        held - others == total, "payments.balances", "all", expected=f"{total} rupiah at the bank", actual=held - others
    )


def _ours(reference: tuple[str, str], row: Row, posted: set[tuple[str, str]], world: World) -> bool:
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
