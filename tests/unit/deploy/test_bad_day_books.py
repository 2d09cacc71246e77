"""The comparison at the end of a bad day: books that agree say nothing, and whatever is off by a rupiah, a line or a state is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deploy.local.bad_day import people
from deploy.local.bad_day.books import Taken, differences

PRICE = 36_800
DAY = "2025-10-06"


def held(number: int, state: str = "done", **more: Any) -> dict[str, Any]:
    row = {"customer_no": str(number), "amount": PRICE, "state": state, "told": True}
    return row | {"trx_date_time": f"{DAY}T09:00:00+07:00"} | more


BOOKS = [
    *(held(n) for n in range(10)),
    held(10, told=False),
    held(11, told=False, amount=PRICE + 1),
    held(0, told=False),
    held(12, "refused"),
    held(13, trx_date_time="2025-05-05T09:00:00+07:00"),
]
TAKEN = Taken.of(BOOKS, DAY, PRICE)
LEDGER = {
    "imbalance": 0,
    "contributions": 12 * PRICE,
    "suspense": 2 * PRICE + 1,
    "clearing": PRICE,
    "bank": 13 * PRICE + 1,
    "fees": 0,
}
FALSE = {"omitted": ["a"], "changed": {"b": 1}, "doubled": ["c"], "spoilt": ["d"]}
FIRST = {"matched": 7, "missing_here": 3, "missing_at_bank": 2, "amount_differs": 1, "duplicate": 1, "unreadable": 1}
SETTLED = {"status": "SETTLED", "open_cases": 0}


def shown(outcomes: dict[str, int], amount: int = 13 * PRICE + 1) -> dict[str, Any]:
    return {"outcomes": [{"outcome": name, "lines": lines} for name, lines in outcomes.items()], "amount": amount}


def told(**changes: Any) -> list[str]:
    given = {"taken": TAKEN, "ledger": LEDGER, "first": shown(FIRST), "last": shown({"matched": 13}), "day": SETTLED}
    return [*differences(**{**given, "false": FALSE, **changes})]


def test_money_that_came_only_by_file_is_told_apart_by_what_it_can_pay() -> None:
    assert (TAKEN.count, TAKEN.day_count, TAKEN.untold_count) == (14, 13, 3)
    assert TAKEN.astray_rupiah == PRICE + 1 + PRICE
    assert TAKEN.rupiah == 14 * PRICE + 1


def test_books_that_agree_say_nothing() -> None:
    assert told() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"taken": replace(TAKEN, rupiah=TAKEN.rupiah + 1)},
        {"taken": replace(TAKEN, unsettled=1)},
        *({"ledger": LEDGER | {name: LEDGER[name] + 1}} for name in LEDGER),
        {"ledger": LEDGER | {"contributions": LEDGER["contributions"] + 1, "suspense": LEDGER["suspense"] - 1}},
        *({"first": shown(FIRST | {name: FIRST[name] + 1})} for name in FIRST),
        {"last": shown({"matched": 12, "missing_here": 1})},
        {"last": shown({"matched": 13}, amount=13 * PRICE)},
        {"day": SETTLED | {"status": "OPEN"}},
        {"day": SETTLED | {"open_cases": 1}},
    ],
)
def test_whatever_is_off_by_one_is_named(changes: dict[str, Any]) -> None:
    assert told(**changes) != []


def test_as_many_people_as_asked_for_each_with_a_nik_of_their_own() -> None:
    rows = [line.split(",")[0] for file in people.files(12_000, 5_000) for line in file.decode().splitlines()[1:]]
    assert len(rows) == len({*rows}) == 12_000
    assert {len(nik) for nik in rows} == {16}
