"""The second pass of the search for personal data: of somebody who was erased nothing may be opened, also where others may stand."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faults.checker.canaries import canaries
from tests.faults.checker.i10_clear import _search_opened
from tests.faults.checker.journal import read_journal
from tests.faults.checker.opened import Opened
from tests.faults.checker.tally import Tally

PEOPLE = {
    n: {"nik": f"36710401018{n:05d}", "name": f"Warga Contoh {n:06d}", "phone": f"0812{10_000_000 + n}"}
    for n in range(1, 4)
}
GONE, STAYS = 1, 2


def searched(text: str, *, declared: bool) -> tuple[set[int], list[str]]:
    tally = Tally("I10")
    one = Opened("registration.people.name", "row", text.encode(), declared)
    return _search_opened(tally, one, canaries(PEOPLE), {GONE}), [found["actual"] for found in tally.first]


def test_who_stays_may_stand_where_it_is_declared_and_nowhere_else() -> None:
    assert searched(f"x{PEOPLE[STAYS]['name']}x", declared=True) == ({STAYS}, [])
    assert searched(PEOPLE[STAYS]["nik"], declared=False) == ({STAYS}, ["nik of person 2"])


def test_who_was_erased_may_stand_nowhere() -> None:
    for declared in (True, False):
        assert searched(PEOPLE[GONE]["nik"], declared=declared) == ({GONE}, ["nik of person 1"])
        assert searched("62" + PEOPLE[GONE]["phone"][1:], declared=declared) == ({GONE}, ["phone of person 1"])


def test_the_journal_says_who_is_who(tmp_path: Path) -> None:
    sent = {
        "kind": "sent",
        "request": "r",
        "key": "k",
        "actor": "a",
        "service": "registration",
        "path": "/participants",
    }
    lines = [
        {"kind": "person", "person": 7, "values": PEOPLE[1]},
        sent | {"creates": "participants", "person": 7},
        {"kind": "answered", "request": "r", "key": "k", "status": 201, "body_sha256": "", "id": "p7"},
        sent | {"request": "s", "key": "l"},
        {"kind": "answered", "request": "s", "key": "l", "status": 409, "body_sha256": "", "id": None},
    ]
    file = tmp_path / "journal"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert read_journal(file).registered == {"p7": 7}
