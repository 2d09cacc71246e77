"""A worked example of a breaking change: what to do when a field must change, seen from both sides.
 Version 1 of `ShopOpened` said where the shop is in one line. Version 2 has street and city apart, and knows the
opening day, which old events never said. The class of version 1 stays for its schema; an upcaster lifts its payloads.
"""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.privacy.sealing import EventSealer
from contracts.event import Catalogue, Event, InvalidPayload, UnknownType, UnknownVersion
from contracts.sealed import Personal, Sealed


class Owner(Personal):
    name: str


class ShopOpenedV1(Event, stream="shops", type="ShopOpened", version=1):
    place: str
    owner: Sealed[Owner]


class ShopOpened(Event, stream="shops", version=2):
    street: str
    city: str | None
    opened_on: str | None
    owner: Sealed[Owner]


def with_city(payload: dict[str, Any]) -> dict[str, Any]:
    """Splits at the last comma; says None where version 1 knew nothing. A sealed box passes through untouched."""
    street, comma, city = payload["place"].rpartition(", ")
    rest = {name: value for name, value in payload.items() if name != "place"}
    return {**rest, "street": street if comma else city, "city": city if comma else None, "opened_on": None}


SUBJECT, EVENT_ID = UUID(int=9), UUID(int=1)
SEALER = EventSealer(EVENT_ID, {SUBJECT: os.urandom(32)})
OWNER = Sealed(SUBJECT, Owner(name="Siti Rahayu"))


@pytest.fixture
def shops() -> Catalogue:
    catalogue = Catalogue([ShopOpenedV1, ShopOpened], topics={"shops": "shops"}, owners={"shops": "shop"})
    catalogue.upcast("ShopOpened", 1, with_city)
    return catalogue


def test_old_event_is_read_as_the_newest_version(shops: Catalogue) -> None:
    old = ShopOpenedV1(place="Jl. Merdeka 1, Tangerang", owner=OWNER).encode(SEALER)
    expected = ShopOpened(street="Jl. Merdeka 1", city="Tangerang", opened_on=None, owner=OWNER)
    assert shops.decode("ShopOpened", 1, old, SEALER) == expected


def test_what_the_old_version_did_not_say_is_absent(shops: Catalogue) -> None:
    old = ShopOpenedV1(place="Pasar Lama", owner=OWNER).encode(SEALER)
    read = shops.decode("ShopOpened", 1, old, SEALER)
    assert isinstance(read, ShopOpened)
    assert (read.street, read.city) == ("Pasar Lama", None)


def test_forgotten_owner_of_an_old_event_stays_forgotten(shops: Catalogue) -> None:
    old = ShopOpenedV1(place="Pasar Lama", owner=OWNER).encode(SEALER)
    read = shops.decode("ShopOpened", 1, old, EventSealer(EVENT_ID, {SUBJECT: None}))
    assert isinstance(read, ShopOpened)
    assert read.owner == Sealed(SUBJECT, None)


def test_newest_version_needs_no_lifting(shops: Catalogue) -> None:
    new = ShopOpened(street="Jl. Merdeka 1", city=None, opened_on="2025-10-06", owner=OWNER)
    assert shops.decode("ShopOpened", 2, new.encode(SEALER), SEALER) == new


@pytest.mark.parametrize("payload", [b"{", b"[]", b"null", b"{}", b'{"place": 5}', b'{"place": null}'])
def test_old_event_that_never_was_valid_is_invalid(shops: Catalogue, payload: bytes) -> None:
    with pytest.raises(InvalidPayload):
        shops.decode("ShopOpened", 1, payload, SEALER)


def test_reader_older_than_the_writer_says_so(shops: Catalogue) -> None:
    with pytest.raises(UnknownVersion, match="ShopOpened version 3"):
        shops.decode("ShopOpened", 3, b"{}", SEALER)
    with pytest.raises(UnknownType):
        shops.decode("ShopBurnt", 1, b"{}", EventSealer(uuid4(), {}))


def test_forgotten_step_is_found_before_it_is_needed() -> None:
    catalogue = Catalogue([ShopOpenedV1, ShopOpened], topics={"shops": "shops"}, owners={"shops": "shop"})
    assert catalogue.missing_upcasters() == [("ShopOpened", 1)]
