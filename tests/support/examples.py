"""Hypothesis strategies for every event of the catalogue, built from its fields: whatever a contract allows may come.

Personal values are made recognisable (long, and dates before 1950), so that a search for them in bytes finds nothing by chance.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, NewType, TypeVar, Union, get_args, get_origin
from uuid import UUID

from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, JsonValue

from contracts.event import Event
from contracts.sealed import Personal, Sealed
from contracts.values import ContributionMonth

M = TypeVar("M", bound=BaseModel)

_CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
_LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=12, max_size=20)


def events(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of this type."""
    return _model(kind, personal=False)


def personal_texts(model: BaseModel) -> list[str]:
    """Every personal value in the sealed parts of a model, as it would stand in JSON."""
    found = []
    for value in dict(model).values():
        if isinstance(value, Sealed) and value.value is not None:
            found += [str(text) for text in value.value.model_dump(mode="json").values() if len(str(text)) >= 10]
        elif isinstance(value, BaseModel):
            found += personal_texts(value)
    return found


def sealed_parts(model: BaseModel) -> list[Sealed[Any]]:
    """The sealed fields of an event."""
    return [value for value in dict(model).values() if isinstance(value, Sealed)]


def _model(kind: type[M], *, personal: bool) -> st.SearchStrategy[M]:
    fields = {
        name: _value(field.annotation, field.metadata, personal=personal) for name, field in kind.model_fields.items()
    }
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def _value(kind: Any, limits: Sequence[Any] = (), *, personal: bool) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _value(arguments[0], [*limits, *arguments[1:]], personal=personal)
    if isinstance(kind, NewType):
        return _value(kind.__supertype__, limits, personal=personal)
    if origin in (Union, types.UnionType):
        return st.one_of(*(_value(argument, limits, personal=personal) for argument in arguments))
    if origin is tuple:
        return st.lists(_value(arguments[0], personal=personal), max_size=4).map(tuple)
    if origin is dict:
        return st.dictionaries(_value(arguments[0], personal=False), _value(arguments[1], personal=False), max_size=3)
    if origin is Sealed:
        return st.builds(Sealed, st.uuids(version=4), _model(arguments[0], personal=True))
    return _plain(kind, limits, personal=personal)


def _plain(kind: Any, limits: Sequence[Any], *, personal: bool) -> st.SearchStrategy[Any]:
    if kind is str:
        return _text(limits, personal=personal)
    if kind is int:
        return st.integers(_limit(limits, "ge", -(2**53)), _limit(limits, "lt", 2**53) - 1)
    if kind in (datetime, AwareDatetime):
        return st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    if kind is date:
        return st.dates(date(1901, 1, 1), date(1949, 12, 31)) if personal else st.dates(date(2020, 1, 1))
    if kind is ContributionMonth:
        return st.builds(ContributionMonth, st.integers(2000, 2100), st.integers(1, 12))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _model(kind, personal=personal or issubclass(kind, Personal))
    if kind is JsonValue:
        return _json()
    simple = {bool: st.booleans(), UUID: st.uuids(version=4), type(None): st.none(), None: st.none()}
    return st.sampled_from(kind) if isinstance(kind, type) and issubclass(kind, Enum) else simple[kind]


def _json() -> st.SearchStrategy[Any]:
    """Whatever JSON may hold, without fractions: a number of ours is whole."""
    leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(_CHARACTERS, max_size=20)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_LETTERS, inner, max_size=3), max_leaves=6
    )


def _text(limits: Sequence[Any], *, personal: bool) -> st.SearchStrategy[str]:
    if pattern := _limit(limits, "pattern", None):
        return st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
    if personal:
        return st.builds("Canary {} {}".format, _LETTERS, st.text(_CHARACTERS, max_size=20))
    shortest, longest = _limit(limits, "min_length", 0), _limit(limits, "max_length", 50)
    return st.text(_CHARACTERS, min_size=shortest, max_size=min(longest, 50))


def _limit(limits: Sequence[Any], name: str, fallback: Any) -> Any:
    found = [getattr(limit, name) for limit in _spread(limits) if getattr(limit, name, None) is not None]
    return found[0] if found else fallback


def _spread(limits: Sequence[Any]) -> list[Any]:
    """pydantic keeps some constraints inside its own FieldInfo."""
    return [inner for limit in limits for inner in (limit, *getattr(limit, "metadata", ()))]
