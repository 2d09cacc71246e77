"""Shares of collective bills, walked forward and back: each line is dealt with once, in order, and of a whole that was taken back no share stands
but those that the bill's own stream says were kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from tests.faults.checker.receipts import Fold, Told

Share = dict[str, Any]


def offences(log: Sequence[Told], fold: Fold) -> Iterator[tuple[str, str, str]]:
    """(bill, expected, actual) of everything about these walks that is not so, at the end of a run."""
    posted, reversed_ = _walked(log, "CollectiveSharesPosted"), _walked(log, "CollectiveSharesReversed")
    taken_back = {event.data["bill_id"] for event in log if event.type == "CollectiveBillReversed"}
    for bill, shares in posted.items():
        numbers = [share["number"] for share in shares]
        if numbers != [*range(1, len(numbers) + 1)]:
            yield bill, "lines posted once, in order", _told(numbers)
    for bill in taken_back | reversed_.keys():
        if bill not in taken_back:
            yield bill, "no share taken back of a whole that stands", f"{len(reversed_[bill])}"
            continue
        forward = [(share["number"], share["payment_id"]) for share in posted[bill]]
        back = [(share["number"], share["payment_id"]) for share in reversed_[bill]]
        if forward != back:
            yield bill, f"{len(forward)} shares taken back, as they were posted", _told([number for number, _ in back])
        yield from _of_shares(bill, reversed_[bill], fold)


def _of_shares(bill: str, shares: Sequence[Share], fold: Fold) -> Iterator[tuple[str, str, str]]:
    for share in shares:
        receipt = fold.receipts.get(share["payment_id"])
        stands = receipt is not None and receipt.stands
        if stands != (share["kept_for"] is not None):
            expected = "share kept" if share["kept_for"] else "share gone"
            yield bill, f"line {share['number']}: {expected}", "its money stands" if stands else "no money stands"


def _walked(log: Sequence[Told], type_: str) -> defaultdict[str, list[Share]]:
    found: defaultdict[str, list[Share]] = defaultdict(list)
    for event in log:
        if event.type == type_:
            found[event.data["bill_id"]] += event.data["shares"]
    return found


def _told(numbers: Sequence[int]) -> str:
    return f"{len(numbers)} lines, {len({*numbers})} of them different"
