"""I3: no payment lost or doubled. What the bank holds as done is posted once, for the same amount; what it took back is posted nowhere.

Every receipt stands in one place: its bill, or suspense with a reason. No bill and no month is paid twice.
(The day's settlement file comes later: until then a payment that the bank never told us of, `missing_here`, need not be posted.)
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping

from tests.faults.checker.tally import Tally
from tests.faults.checker.world import Row, World

SERVICE = "payments"
Reference = tuple[str, str]


async def check(world: World, tally: Tally) -> None:
    if SERVICE not in world.facts.services:
        return
    payments = {(row["partner"], row["channel_reference"]): row for row in await world.rows(SERVICE, "payments")}
    suspense = {(row["partner"], row["channel_reference"]): row for row in await world.rows(SERVICE, "suspense")}
    tally.see(
        len(payments) == len(await world.rows(SERVICE, "payments")),
        "payments.payments",
        "",
        expected="one row per partner and reference",
        actual="two",
    )
    await _against_the_bank(world, tally, payments, suspense)
    await _in_one_place(world, tally, payments, suspense)
    await _paid_once(world, tally, payments)


async def bank_books(world: World) -> tuple[str, Mapping[Reference, Row]]:
    """Which partner the bank is to us, by the number range of its virtual accounts; and its books by our reference."""
    books = await world.books()
    owners = {
        prefix: row["partner"]
        for row in await world.rows(SERVICE, "partners")
        for prefix in json.loads(row["va_prefixes"])
    }
    ranges = {row["virtual_account"].strip().removesuffix(row["customer_no"]) for row in books}
    partner = next((owners[prefix] for prefix in ranges if prefix in owners), "")
    return partner, {(partner, row["payment_request_id"]): row for row in books}


async def _against_the_bank(
    world: World, tally: Tally, payments: Mapping[Reference, Row], suspense: Mapping[Reference, Row]
) -> None:
    partner, books = await bank_books(world)
    recorded = Counter(
        (event.data["partner"], event.data["channel_reference"])
        for event in (await world.by_type(SERVICE)).get("ContributionPaid", ())
    )
    for reference, held in books.items():
        tally.checked += 1
        ours = payments.get(reference) or suspense.get(reference)
        times, where = recorded[reference], "bank's books"
        if held["state"] == "done":
            untold = not held["told"] and reference[1] in world.planted.missing_here
            if ours is None and not untold:
                tally.bad(where, reference[1], expected="posted once", actual="not posted")
            elif ours is not None and ours["amount"] != held["amount"]:
                tally.bad(where, reference[1], expected=f"{held['amount']} rupiah", actual=f"{ours['amount']} rupiah")
        elif held["state"] == "refused" and (ours is not None or times):
            tally.bad(where, reference[1], expected="a refusal books nothing", actual="posted")
        if times > 1:
            tally.bad(where, reference[1], expected="posted once", actual=f"posted {times} times")
    for reference in payments.keys() | suspense.keys():
        if reference[0] == partner:
            tally.see(
                reference in books, "payments.payments", reference[1], expected="a payment at the bank", actual="none"
            )


async def _in_one_place(
    world: World, tally: Tally, payments: Mapping[Reference, Row], suspense: Mapping[Reference, Row]
) -> None:
    bills = {row["bill_id"]: row for row in await world.rows(SERVICE, "bills")}
    for reference, row in payments.items():
        tally.checked += 1
        bill, waits, where = bills.get(row["bill_id"]), suspense.get(reference), "payments.payments"
        settles = bill is not None and bill["status"] == "PAID" and bill["payment_id"] == row["payment_id"]
        if row["reversed_for"] is None:
            if not settles or waits is not None:
                place = "suspense" if waits is not None else "no bill"
                tally.bad(
                    where, row["payment_id"], expected="it settles its bill alone", actual=f"it stands in {place}"
                )
            elif bill is not None and bill["amount"] != row["amount"]:
                tally.bad(where, row["payment_id"], expected=f"{bill['amount']} rupiah", actual=f"{row['amount']}")
        elif settles:
            tally.bad(where, row["payment_id"], expected="it left its bill", actual="the bill is paid by it")
        elif waits is None:
            tally.bad(where, row["payment_id"], expected="suspense", actual="nowhere")
    for reference, row in suspense.items():
        tally.checked += 1
        first = payments.get(reference)
        if not row["reason"]:
            tally.bad("payments.suspense", row["payment_id"], expected="a reason", actual="none")
        if first is not None and (first["payment_id"], first["amount"]) != (row["payment_id"], row["amount"]):
            tally.bad("payments.suspense", row["payment_id"], expected="the payment that was moved", actual="another")


async def _paid_once(world: World, tally: Tally, payments: Mapping[Reference, Row]) -> None:
    standing = [row for row in payments.values() if row["reversed_for"] is None]
    by_bill: defaultdict[object, list[object]] = defaultdict(list)
    by_month: Counter[tuple[object, str]] = Counter()
    for row in standing:
        by_bill[row["bill_id"]].append(row["payment_id"])
        by_month.update((row["participant_id"], charge["month"]) for charge in json.loads(row["months"]))
    for bill in await world.rows(SERVICE, "bills"):
        paid, expected = by_bill.pop(bill["bill_id"], []), int(bill["status"] == "PAID")
        what = f"{expected} payments of a bill that is {bill['status']}"
        tally.see(len(paid) == expected, "payments.bills", bill["bill_id"], expected=what, actual=f"{len(paid)}")
    for bill_id, paid in by_bill.items():
        tally.bad("payments.bills", bill_id, expected="the bill of a payment", actual=f"{len(paid)} without")
    for (participant, month), number in by_month.items():
        tally.see(
            number == 1, "payments.payments", participant, expected=f"{month} paid once", actual=f"{number} times"
        )
