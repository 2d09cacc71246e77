"""Every column in which something of a person may stand has a line in docs/erasure.md that says who erases it: a new one without an eraser fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from chassis import tables as chassis_tables
from chassis.service import Service
from services.audit import tables as audit_tables
from services.audit.app import SERVICE as AUDIT
from services.notifications import tables as notifications_tables
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.payments import tables as payments_tables
from services.payments.app import SERVICE as PAYMENTS
from services.registration import tables as registration_tables
from services.registration.app import SERVICE as REGISTRATION

PAGE = Path(__file__).parents[4] / "docs" / "erasure.md"
_LINE = re.compile(r"^\| (?P<whose>[a-z ]+) `(?P<table>[a-z_]+)`: (?P<columns>[a-z_, ]+) \| (?P<rest>.*) \|$")
ALL = "every service"
PLUMBING_KEEPER = {"person_keys": "registration"}
"""Tables of the chassis that one service alone fills."""
SERVICES: tuple[tuple[Service, sa.MetaData], ...] = (
    (REGISTRATION, registration_tables.metadata),
    (PAYMENTS, payments_tables.metadata),
    (NOTIFICATIONS, notifications_tables.metadata),
    (AUDIT, audit_tables.metadata),
)
Place = tuple[str, str, str]


def listed(text: str) -> Iterator[tuple[Place, str]]:
    """((whose, table, column), key · lifetime · eraser) of every line of the page."""
    for line in text.splitlines():
        if found := _LINE.match(line):
            for column in found["columns"].split(","):
                yield (found["whose"], found["table"], column.strip()), found["rest"]


def may_hold_somebody(table: sa.Table) -> Iterator[str]:
    """Bytes may be an encrypted copy, and a NIK's hash finds a person."""
    yield from (c.name for c in table.columns if isinstance(c.type, sa.LargeBinary) or c.name == "nik_hash")


def places() -> set[Place]:
    found: set[Place] = set()
    for service, metadata in SERVICES:
        for table in metadata.tables.values():
            found |= {(service.name, table.name, column) for column in may_hold_somebody(table)}
        for name, columns in service.personal.items():
            found |= {(service.name, name, column) for column in columns}
    for table in chassis_tables.metadata.tables.values():
        whose = PLUMBING_KEEPER.get(table.name, ALL)
        found |= {(whose, table.name, column) for column in may_hold_somebody(table)}
    return found


def test_every_place_is_listed_with_key_lifetime_and_eraser() -> None:
    told = dict(listed(PAGE.read_text(encoding="utf-8")))
    assert places() - told.keys() == set(), "add these to docs/erasure.md, with who erases them"
    for place, rest in told.items():
        cells = [cell.strip() for cell in rest.split(" | ")]
        assert len(cells) == 3 and all(cells), place


def test_nothing_is_listed_that_is_not_there() -> None:
    everywhere = {
        (service.name, table.name, column.name)
        for service, metadata in SERVICES
        for table in metadata.tables.values()
        for column in table.columns
    } | {
        (PLUMBING_KEEPER.get(table.name, ALL), table.name, column.name)
        for table in chassis_tables.metadata.tables.values()
        for column in table.columns
    }
    assert {place for place, _ in listed(PAGE.read_text(encoding="utf-8"))} - everywhere == set()


@pytest.mark.parametrize("service", [REGISTRATION, PAYMENTS, NOTIFICATIONS], ids=lambda service: service.name)
def test_a_declared_column_without_a_line_is_found_missing(service: Service) -> None:
    """The search can fail: without the lines of one service, each of its declared columns is missing."""
    text = "\n".join(
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if not line.startswith(f"| {service.name} ")
    )
    missing = places() - dict(listed(text)).keys()
    declared = {(service.name, table, column) for table, columns in service.personal.items() for column in columns}
    assert declared and declared <= missing
