"""Each table of each service either holds rows about a person, and its part of the copy says how they are found, or is nobody's, with a reason."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from chassis.copied import SOMEBODY_ELSE, without_others
from chassis.held import Holdings
from chassis.ids import new_id
from chassis.privacy.vault import Vault
from chassis.service import Service
from services.audit import tables as audit
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.notifications.holdings import HOLDINGS as OF_NOTIFICATIONS
from services.payments.app import SERVICE as PAYMENTS
from services.payments.holdings import HOLDINGS as OF_PAYMENTS
from services.registration.app import SERVICE as REGISTRATION
from services.registration.holdings import holdings
from tests.unit.chassis.privacy.test_stores import PAGE, listed

OF_REGISTRATION = holdings(Vault(bytes(64), bytes(32)))
EVERY = pytest.mark.parametrize(
    ("service", "declared"),
    [(REGISTRATION, OF_REGISTRATION), (PAYMENTS, OF_PAYMENTS), (NOTIFICATIONS, OF_NOTIFICATIONS)],
    ids=lambda one: one.name if isinstance(one, Service) else "",
)
NAMES_A_PERSON = ("participant_id", "participants", "nik_hash")
OF_PERSONS_BESIDE = {"forgotten_niks"}
"""The tombstone of who was erased: such a person has no copy."""


def _tables(service: Service) -> dict[str, sa.Table]:
    return dict(service.tables[0].metadata.tables)


def undeclared(service: Service, declared: Holdings) -> set[str]:
    return _tables(service).keys() - {one.table.name for one in declared.tables} - declared.nobodys.keys()


@EVERY
def test_every_table_is_somebodys_or_nobodys(service: Service, declared: Holdings) -> None:
    assert undeclared(service, declared) == set(), (
        "say in holdings.py how a person's rows are found, or why there are none"
    )
    assert {one.table.name for one in declared.tables} & declared.nobodys.keys() == set()
    assert declared.nobodys.keys() <= _tables(service).keys()
    assert all(declared.nobodys.values())


@EVERY
def test_a_table_that_names_a_person_or_has_personal_columns_is_not_nobodys(
    service: Service, declared: Holdings
) -> None:
    for name in declared.nobodys:
        columns = {column.name for column in _tables(service)[name].columns}
        assert name in OF_PERSONS_BESIDE or not columns & {*NAMES_A_PERSON}, name
    assert declared.nobodys.keys() & service.personal.keys() == set()


@EVERY
def test_every_encrypted_cell_of_a_persons_row_is_opened(service: Service, declared: Holdings) -> None:
    for one in declared.tables:
        encrypted = {column.name for column in one.table.columns if isinstance(column.type, sa.LargeBinary)}
        assert encrypted == {*service.personal.get(one.table.name, ()), *one.sealed}, one.table.name


@EVERY
def test_streams_are_the_services_own_and_titles_are_in_both_languages(service: Service, declared: Holdings) -> None:
    for one in declared.tables:
        assert one.stream is None or service.catalogue.owners[one.stream] == service.name
        assert one.title.id and one.title.en


def test_every_store_of_the_page_that_lives_as_long_as_the_person_is_in_the_copy() -> None:
    """docs/erasure.md is the list: what is erased with a person is what a copy has to hold."""
    held = {
        (service.name, one.table.name)
        for service, declared in (
            (REGISTRATION, OF_REGISTRATION),
            (PAYMENTS, OF_PAYMENTS),
            (NOTIFICATIONS, OF_NOTIFICATIONS),
        )
        for one in declared.tables
    }
    text = PAGE.read_text(encoding="utf-8")
    personal = {(whose, table) for (whose, table, _), rest in listed(text) if "the person's" in rest}
    assert personal - held == {("registration", "person_keys")}, "a key is no data, and is given to nobody"
    assert ("payments", "dispute_notes") in held


def test_audit_holds_copies_of_events_and_nothing_of_its_own_about_a_person() -> None:
    """Each is in the copy of the service that recorded it; by `shown` audit finds who was shown the person. Another table that names somebody needs
    a part of the copy.
    """
    named = {
        table.name
        for table in audit.metadata.tables.values()
        if {column.name for column in table.columns} & {*NAMES_A_PERSON}
    }
    assert named - {"shown"} == {"archive"}


def test_a_table_that_nobody_declared_is_found() -> None:
    less = Holdings(OF_PAYMENTS.whose, OF_PAYMENTS.tables[1:], OF_PAYMENTS.nobodys)
    assert undeclared(PAYMENTS, less) == {OF_PAYMENTS.tables[0].table.name}


def test_other_participants_are_left_out_however_deep_they_stand() -> None:
    who, other = new_id(), new_id()
    told = {
        "participant_id": str(who),
        "lines": [{"participant_id": str(other), "amount": 1}, {"participant_id": None}],
    }
    assert without_others(told, who) == {
        "participant_id": str(who),
        "lines": [{"participant_id": SOMEBODY_ELSE, "amount": 1}, {"participant_id": None}],
    }
    assert without_others([str(who), str(other)], who, "participants") == [str(who), SOMEBODY_ELSE]
