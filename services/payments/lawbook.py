"""Dated parameters as people read them, over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from services.payments.domain.parameters import Dated, Sets
from services.payments.domain.parameters.kinds import AnyKind
from services.payments.domain.parameters.proposing import SetStatus

DEFAULT = "DEFAULT"
"""The status of a set that the software brings along: nobody proposed it."""
_LAW = (DEFAULT, SetStatus.APPROVED)


def history(kind: AnyKind, rows: Iterable[Mapping[Any, Any]], *, for_everybody: bool) -> list[dict[str, Any]]:
    """Every set there was and will be, newest day first. `rows`: those of `parameter_sets`, of one kind and subject, newest first.

    `valid_to`: the day before a later set begins that is law; None while there is none, and for what is no law.
    """
    sets = [dict(row) for row in rows]
    if for_everybody:
        sets += [as_shown(one) for one in reversed(kind.defaults)]
    sets.sort(key=lambda one: one["valid_from"], reverse=True)
    days = [one["valid_from"] for one in sets if one["status"] in _LAW]
    return [one | {"valid_to": _last_day(one, days)} for one in sets]


def in_force(sets: Sets, kind: AnyKind, day: date) -> dict[str, Any] | None:
    """What holds for everybody on a WIB day; None before the first set."""
    try:
        return as_shown(sets.set_on(kind, day))
    except LookupError:
        return None


def as_shown(one: Dated[Any]) -> dict[str, Any]:
    """A set that is law."""
    return {
        "set_id": one.set_id,
        "version": one.version,
        "status": DEFAULT if one.set_id is None else str(SetStatus.APPROVED),
        "valid_from": one.valid_from,
        "source": one.source,
        "value": one.value.model_dump(mode="json"),
    }


def _last_day(one: Mapping[str, Any], days: Iterable[date]) -> date | None:
    later = [day for day in days if day > one["valid_from"]]
    return min(later) - timedelta(days=1) if later and one["status"] in _LAW else None
