"""The daily settlement file: what the bank holds as done by trxDateTime of one WIB day.

The same books give the same bytes. Layout: snap.md section 11 and README.md.
"""

import csv
import io
from collections.abc import Collection, Sequence
from datetime import date

from deploy.local.bank.books import Payment

SPOILT = "tiga puluh ribu"
"""Stands for an amount that nobody can read."""


def settlement_file(partner_id: str, day: date, payments: Sequence[Payment], spoilt: Collection[int] = ()) -> str:
    """CSV with LF ends: a header `H`, one line `D` per payment in the order given, a trailer `T` with their count,
    sum and fees. `spoilt`: places of lines whose amount is not a number."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["H", partner_id, day.isoformat()])
    for place, payment in enumerate(payments):
        lines.writerow(
            [
                "D",
                partner_id,
                day.isoformat(),
                payment.virtual_account,
                payment.payment_request_id,
                payment.reference_no,
                SPOILT if place in spoilt else f"{payment.amount}.00",
                "0.00",
                payment.trx_date_time,
            ]
        )
    lines.writerow(["T", len(payments), f"{sum(payment.amount for payment in payments)}.00", "0.00"])
    return text.getvalue()
