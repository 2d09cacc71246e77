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

    `valid_to`: the day before a later set begins that is law; None while there is none, and for what is no law. `displaced_by`: the version that
    counts in its place from the same day on; then `valid_to` lies before `valid_from`, as it holds on no day.
    """
    sets = [dict(row) for row in rows]
    if for_everybody:
        sets += [as_shown(one) for one in reversed(kind.defaults)]
    sets.sort(key=lambda one: one["valid_from"], reverse=True)
    law = [one for one in sets if one["status"] in _LAW]
    counting = {day: max((one for one in law if one["valid_from"] == day), key=_turn) for day in _days(law)}
    return [_placed(one, counting) for one in sets]


def _days(law: Iterable[Mapping[str, Any]]) -> set[date]:
    return {one["valid_from"] for one in law}


def _turn(one: Mapping[str, Any]) -> tuple[bool, Any, int]:
    """Of one day the set that was approved last counts; before every approved one what the software brings along."""
    approved = one["status"] != DEFAULT
    return (True, one["decided_at"], one["number"]) if approved else (False, None, 0)


def _placed(one: Mapping[str, Any], counting: Mapping[date, Mapping[str, Any]]) -> dict[str, Any]:
    begins = one["valid_from"]
    if one["status"] in _LAW and (there := counting[begins]) is not one:
        return {**one, "displaced_by": there["version"], "valid_to": begins - timedelta(days=1)}
    return {**one, "displaced_by": None, "valid_to": _last_day(one, counting)}


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
