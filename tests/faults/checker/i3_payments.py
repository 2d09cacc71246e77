"""I3: no payment lost or doubled. What bank and acquirer hold as done is posted once, for the same amount; what was taken back is posted nowhere.

Every receipt stands in one place: its bill, the shares of a collective bill, an agent's balance, or suspense with a reason and what became
of it there; what bank and two people took back is gone, share by share. No bill and no month is paid twice. A payment that the
bank never told us of (`missing_here`) is posted with the day's file, and may be missing before it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping

from tests.faults.checker import wholes
from tests.faults.checker.receipts import BILL, REFUNDED, SUSPENSE, Fold, Receipt, folded, offences
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import Row, World

SERVICE = "payments"
TAKEN_BACK = "taken_back"
Reference = tuple[str, str]


async def check(world: World, tally: Tally) -> None:
    if SERVICE not in world.facts.services:
        return
    fold = folded(await world.log(SERVICE))
    rows = await world.rows(SERVICE, "payments")
    payments = {(row["partner"], row["channel_reference"]): row for row in rows}
    alone = len(payments) == len(rows)
    tally.see(alone, "payments.payments", "", expected="one row per partner and reference", actual="two")
    await _against_the_bank(world, tally, payments, fold)
    await _against_the_acquirer(world, tally, payments, fold)
    await _in_one_place(world, tally, payments, fold)
    await _in_suspense(world, tally, fold)
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


async def _against_the_bank(world: World, tally: Tally, payments: Mapping[Reference, Row], fold: Fold) -> None:
    partner, books = await bank_books(world)
    recorded = fold.by_reference()
    for reference, held in books.items():
        tally.checked += 1
        ours, made = payments.get(reference), [one for one in recorded.get(reference, ()) if one.own]
        stands, where = any(one.stands for one in made), "bank's books"
        if held["state"] == "done":
            untold = not held["told"] and reference[1] in world.planted.missing_here
            if (ours is None or not stands) and not untold:
                tally.bad(where, reference[1], expected="posted once", actual="not posted")
            elif ours is not None and ours["amount"] != held["amount"]:
                tally.bad(where, reference[1], expected=f"{held['amount']} rupiah", actual=f"{ours['amount']} rupiah")
        elif held["state"] == TAKEN_BACK and stands:
            tally.bad(where, reference[1], expected="taken back here too", actual="it stands")
        elif held["state"] == "refused" and (ours is not None or made):
            tally.bad(where, reference[1], expected="a refusal books nothing", actual="posted")
        if len(made) > 1:
            tally.bad(where, reference[1], expected="posted once", actual=f"posted {len(made)} times")
    for reference, row in payments.items():
        receipt = fold.receipts.get(str(row["payment_id"]))
        if reference[0] == partner and (receipt is None or (receipt.own and receipt.stands)):
            known = reference in books
            tally.see(known, "payments.payments", reference[1], expected="a payment at the bank", actual="none")


async def _against_the_acquirer(world: World, tally: Tally, payments: Mapping[Reference, Row], fold: Fold) -> None:
    """What a wallet paid is posted once, under the acquirer's reference; what no wallet paid is not."""
    asked = {row["reference"]: row["partner"] for row in await world.rows(SERVICE, "qr_codes")}
    codes = {(asked.get(one["merchant_reference"], ""), one["reference_no"]): one for one in await world.codes()}
    recorded = fold.by_reference()
    for reference, code in codes.items():
        paid = code["paid_amount"] if code["status"] == "00" else 0
        ours, made = payments.get(reference), [one for one in recorded.get(reference, ()) if one.own]
        posted = 0 if ours is None else ours["amount"]
        tally.see(posted == paid, "acquirer's books", reference[1], expected=f"{paid} rupiah", actual=f"{posted}")
        if len(made) > 1:
            tally.bad("acquirer's books", reference[1], expected="posted once", actual=f"posted {len(made)} times")
    for reference in payments if codes else ():
        known = reference[0] not in asked.values() or reference in codes
        tally.see(known, "payments.payments", reference[1], expected="a code at the acquirer", actual="none")


async def _in_one_place(world: World, tally: Tally, payments: Mapping[Reference, Row], fold: Fold) -> None:
    """By the log, and as the table has it."""
    where = "payments.payments"
    for payment, wrong in offences(fold):
        tally.bad("payments.event_log", payment, expected="the receipt's amount, in one place", actual=wrong)
    by_id = {str(row["payment_id"]): row for row in payments.values()}
    for payment, receipt in fold.receipts.items():
        tally.checked += 1
        row = by_id.pop(payment, None)
        if row is None:
            tally.bad(where, payment, expected="a row for the receipt", actual="none")
        elif told := _differs(row, receipt):
            tally.bad(where, payment, expected=told[0], actual=told[1])
    for payment in by_id:
        tally.bad(where, payment, expected="the event that caused the row", actual="no event")
    await _on_bills(world, tally, payments, fold)
    for bill, expected, actual in wholes.offences(await world.log(SERVICE), fold):
        tally.bad("payments.collective-bills", bill, expected=expected, actual=actual)


def _differs(row: Row, receipt: Receipt) -> tuple[str, str] | None:
    if (row["partner"], row["channel_reference"]) != receipt.reference:
        return "the reference of its event", "another one"
    if row["amount"] != receipt.amount:
        return f"{receipt.amount} rupiah", f"{row['amount']} rupiah"
    if receipt.reversed and row["reversed_for"] is None:
        return "taken back", "it settles its bill"
    return None


async def _on_bills(world: World, tally: Tally, payments: Mapping[Reference, Row], fold: Fold) -> None:
    """A payment that stands on its bill is what the bill is paid by; no other is."""
    bills = {str(row["bill_id"]): row for row in await world.rows(SERVICE, "bills")}
    paid_by = {str(bill["payment_id"]): bill for bill in bills.values() if bill["status"] == "PAID"}
    for row in payments.values():
        payment = str(row["payment_id"])
        receipt, bill = fold.receipts.get(payment), paid_by.get(payment)
        if row["reversed_for"] is not None or receipt is None or not (receipt.at[BILL] or receipt.at[REFUNDED]):
            tally.see(bill is None, "payments.payments", payment, expected="no bill", actual="a bill is paid by it")
        elif bill is None or str(bill["bill_id"]) != receipt.bill_id:
            tally.bad("payments.payments", payment, expected="it settles its bill", actual="it stands on no bill")
        elif bill["amount"] != row["amount"]:
            tally.bad("payments.payments", payment, expected=f"{bill['amount']} rupiah", actual=f"{row['amount']}")


async def _in_suspense(world: World, tally: Tally, fold: Fold) -> None:
    """Every receipt that ever waited there has its row, with a reason and what it holds now."""
    waited = {payment: one for payment, one in fold.receipts.items() if one.unmatched}
    for row in await world.rows(SERVICE, "suspense"):
        where, payment = "payments.suspense", str(row["payment_id"])
        receipt = waited.pop(payment, None)
        tally.see(bool(row["reason"]), where, payment, expected="a reason", actual="none")
        if receipt is None or receipt.amount != row["amount"]:
            tally.bad(where, payment, expected="the payment that was moved there", actual="another, or another amount")
        elif "held" in row and row["held"] != receipt.at[SUSPENSE]:
            tally.bad(where, payment, expected=f"{receipt.at[SUSPENSE]} rupiah held", actual=f"{row['held']}")
    for payment in waited:
        tally.bad("payments.suspense", payment, expected="suspense", actual="nowhere")


async def _paid_once(world: World, tally: Tally, payments: Mapping[Reference, Row]) -> None:
    standing = [row for row in payments.values() if row["reversed_for"] is None]
    by_bill: defaultdict[object, list[object]] = defaultdict(list)
    by_month: Counter[tuple[object, str]] = Counter()
    for row in standing:
        if row["participant_id"] is None:
            continue  # the whole of a collective bill, or an agent's deposit
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
