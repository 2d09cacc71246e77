"""What a dated parameter is: a kind says what its sets hold, and which set is law while nobody has approved another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from contracts.values import ParameterSetId


class Value(BaseModel):
    """What one set says. Never edited; read from JSON strictly, so a fault names its field."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def unsound(code: str, *, id: str, en: str) -> PydanticCustomError:
    """To be raised by a validator of a Value: a stable code and what to do, rendered as every fault of a request field."""
    return PydanticCustomError("own", "{code}", {"code": code, "id": id, "en": en})


V = TypeVar("V", bound=Value)
W = TypeVar("W", bound=Value)


@dataclass(frozen=True, slots=True, eq=False)
class Dated(Generic[V]):
    """A set in force from 00:00 WIB of `valid_from` until a newer one is; `version` is what events name as their rules."""

    version: str
    valid_from: date
    source: str
    value: V
    set_id: ParameterSetId | None = None
    """None for one that the code brings along."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind(Generic[V]):
    """One dated parameter of domain.md section 14.

    `family` begins the version of its sets. `subject` says for whom a set of its own may be approved besides the one for
    everybody, e.g. "wadah_id"; None where there is one set for all.
    """

    name: str
    family: str
    value: type[V]
    defaults: tuple[Dated[V], ...]
    """Oldest first; what the code brings along."""
    subject: str | None = None

    def read(self, value: object) -> V:
        """A value from its JSON form (parsed). Raises pydantic's ValidationError."""
        return self.value.model_validate_json(json.dumps(value))

    def version(self, valid_from: date, number: int, subject: str | None) -> str:
        """The name of a set: `number` counts the proposals of one kind and subject."""
        return f"{self.family}/{valid_from}.{number}" + (f"@{subject}" if subject else "")


AnyKind = Kind[Any]


def latest(sets: Sequence[Dated[V]], day: date) -> Dated[V] | None:
    """Of sets in the order of their days, the last in force on a WIB day; of two of one day the later one."""
    return next((one for one in reversed(sets) if one.valid_from <= day), None)
