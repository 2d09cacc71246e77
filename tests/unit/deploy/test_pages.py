"""Every column, field, event and table has its word in Indonesian, and every sum its rupiah, however many there come to be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from chassis.held import Held
from chassis.privacy.vault import Vault
from contracts.events import CATALOGUE
from deploy.pages import EVENTS, RUPIAH, TABLES, WORDS
from services.audit.app import SERVICE as AUDIT
from services.audit.holdings import COLUMNS as OF_AUDIT
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.notifications.holdings import TABLES as OF_NOTIFICATIONS
from services.payments.app import SERVICE as PAYMENTS
from services.payments.holdings import TABLES as OF_PAYMENTS
from services.registration.app import SERVICE as REGISTRATION
from services.registration.holdings import holdings
from tools.lint import ROOT

HELD: Mapping[str, tuple[Held, ...]] = {
    "registration": (*holdings(Vault(bytes(64), bytes(32))).tables,),
    "payments": (*OF_PAYMENTS,),
    "notifications": (*OF_NOTIFICATIONS,),
}
STATE = {service.name: service.tables for service in (REGISTRATION, PAYMENTS, NOTIFICATIONS, AUDIT)}
COUNTED = {"line", "seq", "size"}
"""Whole numbers of tables that are no money."""
COLUMNS = [
    column
    for table in (*(one.table for held in HELD.values() for one in held), *(one for t in STATE.values() for one in t))
    for column in table.columns
]


def fields(schema: Any, name: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every field of a schema with what it may be, however deep it stands."""
    if isinstance(schema, list):
        for one in schema:
            yield from fields(one, name)
    if isinstance(schema, dict):
        if name:
            yield name, schema
        for inner, one in schema.items():
            if inner == "properties":
                for field, found in one.items():
                    yield from fields(found, field)
            elif inner == "$defs":
                for found in one.values():
                    yield from fields(found)
            elif inner != "x-sealed":  # shown as sealed
                yield from fields(one, name)


FIELDS = [
    found
    for file in (ROOT / "contracts" / "schemas").glob("*.json")
    for found in fields(json.loads(file.read_text(encoding="utf-8")))
]


def test_every_column_and_field_has_its_word() -> None:
    names = {column.name for column in COLUMNS} | {name for name, _ in FIELDS} | {*OF_AUDIT}
    assert names - WORDS.keys() - {"sealed_for", "box"} == set(), "add these to words.toml"


def test_every_event_and_table_has_its_word() -> None:
    assert {cls.type for cls in CATALOGUE.events} == EVENTS.keys()
    assert {service: {table.name for table in tables} for service, tables in STATE.items()} == {
        service: {*words} for service, words in TABLES.items()
    }


def test_a_table_is_called_the_same_in_a_copy_and_in_an_account() -> None:
    """Of a table that is held in two parts, by the name of one of them."""
    for service, held in HELD.items():
        titles: dict[str, set[str]] = {}
        for one in held:
            titles.setdefault(one.table.name, set()).add(one.title.id)
        for table, called in titles.items():
            assert TABLES[service].get(table) in {*called, None}, table


def test_every_sum_has_its_rupiah_and_no_count_has() -> None:
    in_tables = {column.name for column in COLUMNS if isinstance(column.type, sa.BigInteger)} - COUNTED
    in_events = {name for name, schema in FIELDS if schema.get("exclusiveMaximum") == 2**53}
    assert in_tables | in_events == RUPIAH
