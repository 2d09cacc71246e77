"""The checker stands apart: nothing of what it judges is imported, and its parts see what they must in any dress and any step."""

from __future__ import annotations

import ast
import base64
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.events.notifications import Channel
from contracts.values import ParticipantId
from services.notifications.domain.notification import notification_id_of
from tests.faults import checker
from tests.faults.checker.canaries import canaries
from tests.faults.checker.effects import notice_id
from tests.faults.checker.facts import CannotCheck
from tests.faults.checker.i10_clear import hits
from tests.faults.checker.pieces import SAMPLED
from tests.faults.checker.transitions import MACHINES, offences
from tests.faults.checker.views import Digests

OWN = "tests.faults.checker"
ALLOWED = {"asyncpg", "aiokafka", "httpx", "cryptography"} | sys.stdlib_module_names
PEOPLE = {
    n: {
        "nik": f"36710401018{n:05d}",
        "name": f"Kenari Warga {n:04d}",
        "phone": f"0812{10_000_000 + n}",
        "city": "Cimone",
    }
    for n in range(200)
}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: a relative import"
            yield node.module or ""


def test_the_checker_imports_nothing_of_what_it_judges() -> None:
    files = sorted(Path(checker.__file__).parent.glob("*.py"))
    assert len(files) > 20
    for file in files:
        for name in imported(file):
            assert name.startswith(OWN) or name.partition(".")[0] in ALLOWED, f"{file.name} imports {name}"


@pytest.mark.parametrize("kind", ["nik", "name", "phone"])
def test_a_value_is_found_in_every_dress(kind: str) -> None:
    wanted = canaries(PEOPLE)
    digests = Digests.of(wanted.owners)
    value = PEOPLE[7][kind].removeprefix("0") if kind == "phone" else PEOPLE[7][kind]
    raw, digest = value.encode(), hashlib.sha256(value.encode()).digest()
    dressed = [
        raw,
        value.encode("utf-16-le"),
        value.encode("utf-16-be"),
        *(base64.b64encode(b"x" * shift + raw + b"y" * shift) for shift in range(3)),
        base64.urlsafe_b64encode(b"\xff\xfe\xfa" + raw),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        "".join(f"%{byte:02X}" for byte in raw).encode(),
        digest,
        digest.hex().encode(),
        base64.b64encode(digest),
    ]
    for sample in dressed:
        for around in (b"%b", b'{"a":"%b"}', b"\x00\xff%b\xff", b"id=%b;"):
            found = {(number, what) for _, number, what in hits(around.replace(b"%b", sample), wanted, digests)}
            assert (7, kind) in found, sample


def test_nothing_is_found_where_nothing_is() -> None:
    wanted = canaries(PEOPLE)
    text = b'{"nik_hash": "%b", "work_place": "Cimone", "phone": "0812"}' % hashlib.sha256(b"x").hexdigest().encode()
    assert [*hits(text * 50, wanted, Digests.of(wanted.owners))] == []


def test_what_a_metric_measured_is_no_phone_and_a_label_may_be_one() -> None:
    line = b'asked_seconds_sum{path="/a"} 0.00181210000097\ntold_total{to="081210000097"} 1.0\n'
    assert SAMPLED.sub(b"", line) == b'asked_seconds_sum{path="/a"}\ntold_total{to="081210000097"}\n'


def test_a_value_of_two_people_is_no_canary_and_a_person_without_one_cannot_be_looked_for() -> None:
    assert b"Cimone" not in canaries(PEOPLE).owners
    with pytest.raises(CannotCheck):
        canaries({1: {"nik": "3671040101800001"}, 2: {"nik": "3671040101800001"}})


def test_the_id_of_a_notice_is_drawn_as_notifications_draws_it() -> None:
    cause, participant = uuid4(), ParticipantId(uuid4())
    assert notice_id(str(cause), str(participant)) == str(notification_id_of(cause, participant, Channel.SMS))


@pytest.mark.parametrize(
    ("stream", "types", "wrong"),
    [
        ("participants", ["ParticipantRegistered", "ProtectionStarted", "GraceEntered", "ProtectionExtended"], 0),
        ("participants", ["ParticipantRegistered", "GraceEntered"], 1),
        ("participants", ["ProtectionStarted"], 1),
        ("participants", ["ParticipantRegistered", "ParticipantUnreachable", "ParticipantUnreachable"], 1),
        ("notifications", ["NotificationQueued", "NotificationSent", "NotificationDelivered"], 0),
        ("notifications", ["NotificationQueued", "NotificationFailed", "NotificationSent"], 1),
        ("contributions", ["PayerAdded", "ContributionPaid"], 1),
    ],
)
def test_only_declared_steps_are_taken(stream: str, types: list[str], wrong: int) -> None:
    machine = next(m for m in MACHINES if m["stream"] == stream and "per" not in m)
    assert len([*offences(machine, types)]) == wrong
