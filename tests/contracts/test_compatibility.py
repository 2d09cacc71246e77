"""Planted changes of every kind: those that old readers and old events can live with pass, all others are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from contracts.compatibility import breaks
from contracts.event import Catalogue, Event
from contracts.events import CATALOGUE
from contracts.schema import wire_schema
from contracts.sealed import Personal, Sealed
from contracts.snapshots import committed, main, outdated, write


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


class MoreColours(StrEnum):
    RED = "RED"
    BLUE = "BLUE"
    GREEN = "GREEN"


class OneColour(StrEnum):
    RED = "RED"


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    depth: int


class DeeperInner(Inner):
    width: int


class RicherInner(Inner):
    width: int = 0


class Who(Personal):
    name: str


class WhoElse(Personal):
    nickname: str


class WhoWithMail(Who):
    email: str | None = None


BASE: dict[str, Any] = {
    "amount": (Annotated[int, Field(ge=0, le=100)], ...),
    "note": (str | None, ...),
    "mood": (str, "calm"),
    "colour": (Colour, ...),
    "inner": (Inner, ...),
    "many": (tuple[Inner, ...], ...),
    "who": (Sealed[Who], ...),
}


def happened(version: int = 1, **fields: Any) -> type[Event]:
    """An event type `Happened` with the fields of BASE, changed; None drops one."""
    merged = {name: field for name, field in {**BASE, **fields}.items() if field is not None}
    return create_model("Happened", __base__=Event, __cls_kwargs__={"stream": "things", "version": version}, **merged)


def catalogue(*events: type[Event]) -> Catalogue:
    return Catalogue(events, topics={"things": "things"}, owners={"things": "shop"})


COMMITTED = {("Happened", 1): wire_schema(happened())}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"extra": (str, "")}, id="a field with a default"),
        pytest.param({"extra": (str | None, None)}, id="a nullable field with a default"),
        pytest.param({"inner": (RicherInner, ...), "many": (tuple[RicherInner, ...], ...)}, id="the same deeper down"),
        pytest.param({"who": (Sealed[WhoWithMail], ...)}, id="the same inside a box"),
        pytest.param({"mood": (Annotated[str, Field(description="How it felt.")], "calm")}, id="prose"),
    ],
)
def test_harmless_change_passes(fields: dict[str, Any]) -> None:
    assert breaks(catalogue(happened(**fields)), COMMITTED) == []


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        pytest.param({"note": None}, "note", "removed or renamed", id="removed"),
        pytest.param({"note": None, "remark": (str | None, None)}, "note", "removed or renamed", id="renamed"),
        pytest.param({"extra": (str, ...)}, "extra", "without a default", id="added without default"),
        pytest.param({"mood": (str, ...)}, "mood", "became required", id="became required"),
        pytest.param({"note": (str | None, None)}, "note", "became optional", id="became optional"),
        pytest.param({"mood": (str, "wild")}, "mood", "`default` was", id="other default"),
        pytest.param({"amount": (Annotated[str, Field()], ...)}, "amount", "`type` was", id="other type"),
        pytest.param(
            {"amount": (Annotated[int, Field(ge=1, le=100)], ...)}, "amount", "`minimum` was 0", id="narrowed"
        ),
        pytest.param({"amount": (Annotated[int, Field(ge=0)], ...)}, "amount", "is absent", id="widened"),
        pytest.param({"note": (str, ...)}, "note", "`anyOf` was", id="no longer nullable"),
        pytest.param({"colour": (OneColour, ...)}, "colour", "`enum` was", id="choice removed"),
        pytest.param({"colour": (MoreColours, ...)}, "colour", "`enum` was", id="choice added"),
        pytest.param({"inner": (DeeperInner, ...)}, "inner.width", "without a default", id="deeper down"),
        pytest.param({"many": (tuple[DeeperInner, ...], ...)}, "many[].width", "without a default", id="in a list"),
        pytest.param({"who": (Sealed[WhoElse], ...)}, "who.name", "removed or renamed", id="inside a box"),
        pytest.param({"who": (Who, ...)}, "who", "`x-sealed` was removed", id="no longer sealed"),
    ],
)
def test_breaking_change_is_named(fields: dict[str, Any], field: str, told: str) -> None:
    found = breaks(catalogue(happened(**fields)), COMMITTED)
    assert any(one.field == field and told in one.what for one in found), [str(one) for one in found]
    assert all(str(one).startswith("Happened version 1: field ") for one in found)


def test_version_that_is_gone_is_named() -> None:
    later = happened(2, note=None)
    shop = catalogue(later)
    shop.upcast("Happened", 1, lambda payload: payload)
    assert [str(one) for one in breaks(shop, COMMITTED)] == [
        "Happened version 1: the event was committed and is gone: old events of it are still in the log. Keep its class"
    ]


def test_new_version_needs_an_upcaster() -> None:
    shop = catalogue(happened(), happened(2, note=None))
    assert "no upcaster to version 2" in str(breaks(shop, COMMITTED)[0])
    shop.upcast("Happened", 1, lambda payload: payload)
    assert breaks(shop, COMMITTED) == []


class TestCommand:
    """`python -m contracts.snapshots`"""

    def run(self, folder: Path, arguments: Sequence[str], *events: type[Event]) -> int:
        return main([*arguments], catalogue=catalogue(*events), folder=folder)

    def test_new_events_are_written_and_then_current(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, [], happened()) == 1
        assert self.run(tmp_path, ["--write"], happened()) == 0
        assert self.run(tmp_path, [], happened()) == 0
        assert [path.name for path in tmp_path.iterdir()] == ["Happened.1.json"]

    def test_compatible_change_is_written_on_request(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write(COMMITTED, tmp_path)
        grown = happened(extra=(str, ""))
        assert self.run(tmp_path, [], grown) == 1
        assert "--write" in capsys.readouterr().err
        assert self.run(tmp_path, ["--write"], grown) == 0
        assert self.run(tmp_path, [], grown) == 0

    def test_breaking_change_is_never_written(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write(COMMITTED, tmp_path)
        assert self.run(tmp_path, ["--write"], happened(note=None)) == 1
        assert "field note was removed or renamed" in capsys.readouterr().err
        assert committed(tmp_path) == COMMITTED


class TestOurContracts:
    def test_are_compatible_with_what_was_committed(self) -> None:
        assert [str(one) for one in breaks(CATALOGUE, committed())] == []

    def test_have_current_snapshots(self) -> None:
        assert [*outdated(CATALOGUE, committed())] == [], "run python -m contracts.snapshots --write"

    def test_have_no_reference_and_no_prose_in_their_snapshots(self) -> None:
        for schema in committed().values():
            assert "$ref" not in str(schema)
            _each(schema, lambda node: not isinstance(node.get("description"), str))


def _each(node: Any, holds: Callable[[dict[str, Any]], bool]) -> None:
    if isinstance(node, dict):
        assert holds(node), node
        for inner in node.values():
            _each(inner, holds)
    elif isinstance(node, list):
        for inner in node:
            _each(inner, holds)
