"""Rules supposed to be law: the sets in force with the values exchanged that somebody gave, by the names that proposals use."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from chassis.http.faults import field_errors
from chassis.problems import FieldError
from contracts.values import ContributionMonth
from services.payments.domain.parameters import KINDS, Dated, Kind, Sets
from services.payments.domain.parameters.kinds import AnyKind, V

SUPPOSED = "+what-if"
"""Ends the version of a set whose values were exchanged: no event can name it."""


class Unanswerable(Exception):
    """The question cannot be answered as it stands. `errors`: each with the field it is about, in both languages."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(", ".join(f"{one.field}: {one.code}" for one in errors))
        self.errors = errors


class Supposed:
    """Values in place of those of the sets in force."""

    def __init__(self, given: Mapping[str, Mapping[str, Any]]) -> None:
        """`given`: kind → field → value as JSON has it; as `supposed` has read it."""
        self._given = given
        self._made: dict[str, Dated[Any]] = {}
        self._changed: dict[str, dict[str, Any]] = {}

    @property
    def kinds(self) -> Collection[str]:
        return self._given.keys()

    def changed(self, version: str) -> dict[str, Any]:
        """How the set of this version, one that `over` was asked for, is exchanged: its kind, and of each value what it was and would be."""
        return self._changed.get(version, {})

    def over(self, kind: Kind[V], base: Dated[V]) -> Dated[V]:
        """This set with its values exchanged; the very same where that changes nothing. Raises Unanswerable when it then says nothing possible."""
        given = self._given.get(kind.name)
        if given is None:
            return base
        if base.version not in self._made:
            self._made[base.version] = self._exchanged(kind, base, given)
        return self._made[base.version]

    def _exchanged(self, kind: Kind[V], base: Dated[V], given: Mapping[str, Any]) -> Dated[V]:
        was = _as_json(base.value)
        value = _read(kind, was, given)
        now = _as_json(value)
        changed = {name: {"was": was[name], "would": now[name]} for name in given if was[name] != now[name]}
        self._changed[base.version] = {"kind": kind.name, "version": base.version, "values": changed}
        if not changed:
            return base
        return Dated(base.version + SUPPOSED, base.valid_from, base.source, value)


class SupposedSets(Sets):
    """All sets, of one month as supposed: what the other months stood under is as it was."""

    def __init__(self, sets: Sets, supposed: Supposed, month: ContributionMonth) -> None:
        super().__init__({})
        self._sets, self._supposed, self._month = sets, supposed, month

    def set_on(self, kind: Kind[V], day: date, subject: str | None = None) -> Dated[V]:
        base = self._sets.set_on(kind, day, subject)
        return self._supposed.over(kind, base) if ContributionMonth(day.year, day.month) == self._month else base

    def every(self, kind: Kind[V]) -> Iterator[Dated[V]]:
        for base in self._sets.every(kind):
            yield base
            yield self._supposed.over(kind, base)


def supposed(given: object, allowed: Collection[str]) -> Supposed:
    """Reads what somebody gave. `allowed`: kinds that have a bearing on the answer. Raises Unanswerable naming every fault."""
    if not isinstance(given, dict):
        raise Unanswerable(_NO_TABLE)
    faults = [fault for name, values in given.items() for fault in _faults(str(name), values, allowed)]
    if faults:
        raise Unanswerable(*faults)
    return Supposed(given)


def _faults(name: str, values: object, allowed: Collection[str]) -> Collection[FieldError]:
    kind = KINDS.get(name)
    if kind is None:
        names = ", ".join(allowed)
        return [
            _fault(
                name,
                "unknown_field",
                f"Tidak ada parameter ini; ada {names}.",
                f"No such parameter; there are {names}.",
            )
        ]
    if name not in allowed:
        names = ", ".join(allowed)
        return [
            _fault(
                name,
                "no_bearing",
                f"Tidak mengubah jumlah ini; yang mengubah: {names}.",
                f"It changes none of these sums; what does: {names}.",
            )
        ]
    if not isinstance(values, dict):
        return [_fault(name, "not_an_object", f"Tulis sebagai tabel: [{name}]", f"Write it as a table: [{name}]")]
    try:
        _read(kind, _as_json(kind.defaults[-1].value), values)
    except Unanswerable as refused:
        return refused.errors
    return []


def _read(kind: AnyKind, base: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    try:
        return kind.read({**base, **given})
    except ValidationError as error:
        told = error.errors(include_input=False, include_url=False)
        raise Unanswerable(*field_errors([{**one, "loc": (kind.name, *one["loc"])} for one in told])) from None


def _as_json(value: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(value.model_dump_json())
    return read


def _fault(field: str, code: str, id: str, en: str) -> FieldError:
    return FieldError(field, code, id, en)


_NO_TABLE = FieldError(
    "--rules", "not_an_object", "Tulis tabel TOML per parameter.", "Write one TOML table per parameter."
)
