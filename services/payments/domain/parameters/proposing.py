"""Proposing and approving sets: pure deciders. One person of the central office proposes, another approves (domain.md section 2).

A set is never edited. What was approved stands; a proposal may be withdrawn; another law is another set from a later day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from contracts.events.parameters import ParameterSetApproved, ParameterSetProposed, ParameterSetWithdrawn
from contracts.values import ParameterSetId
from services.payments.domain.parameters.kinds import AnyKind
from services.payments.domain.proposals import is_own

PARAMETER_RULES = "perisai-parameters/2025-10"
"""Two people, from tomorrow on at the earliest, never edited (issue 5, section 7)."""


class SetStatus(StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSet:
    """One set as proposed; `value` is its JSON form. `number` counts the proposals of its kind and subject from 1.

    `decided_by`, `decided_at`: who approved or withdrew it, and when; None while it waits.
    """

    set_id: ParameterSetId
    kind: str
    subject: str | None
    number: int
    version: str
    valid_from: date
    source: str
    value: dict[str, Any]
    proposed_by: str
    status: SetStatus = SetStatus.PROPOSED
    decided_by: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSet:
    """What is proposed; `value` has been read as its kind demands."""

    kind: AnyKind
    subject: str | None
    valid_from: date
    source: str
    value: dict[str, Any]


class CannotSet(StrEnum):
    TOO_EARLY = "valid_from_too_early"
    UNKNOWN = "unknown_set"
    SAME_PERSON = "same_person"
    DECIDED = "set_decided"


def set_key(kind: str, subject: str | None) -> str:
    """The key of stream `parameters`: sets of one kind and subject are decided one after the other."""
    return f"{kind}:{subject}" if subject else kind


def propose(
    wanted: WantedSet, known: Sequence[ParameterSet], *, set_id: ParameterSetId, earliest: date
) -> ParameterSetProposed | CannotSet:
    """`known`: all sets of this kind and subject. `earliest`: the first WIB day that nothing was decided for yet."""
    if wanted.valid_from < earliest:
        return CannotSet.TOO_EARLY
    number = 1 + max((one.number for one in known), default=0)
    return ParameterSetProposed(
        set_id=set_id,
        kind=wanted.kind.name,
        subject=wanted.subject,
        number=number,
        set_version=wanted.kind.version(wanted.valid_from, number, wanted.subject),
        valid_from=wanted.valid_from,
        source=wanted.source,
        value=wanted.value,
    )


def approve(found: ParameterSet | None, *, by: str, earliest: date) -> ParameterSetApproved | CannotSet | None:
    """Law from its day on. Nobody approves what he proposed. None when it is approved already, by the same person."""
    if found is None:
        return CannotSet.UNKNOWN
    if found.status is SetStatus.APPROVED and found.decided_by == by:
        return None
    if found.status is not SetStatus.PROPOSED:
        return CannotSet.DECIDED
    if is_own(found.proposed_by, by):
        return CannotSet.SAME_PERSON
    if found.valid_from < earliest:
        return CannotSet.TOO_EARLY
    return ParameterSetApproved(set_id=found.set_id, kind=found.kind, subject=found.subject, set_version=found.version)


def counting(sets: Iterable[ParameterSet], day: date) -> ParameterSet | None:
    """Of several approved for one day the one that counts: that which was approved last (decision 231)."""
    of_day = [(one.decided_at, one.number, one) for one in sets if one.valid_from == day and one.decided_at is not None]
    approved = [found for found in of_day if found[2].status is SetStatus.APPROVED]
    return max(approved, key=lambda found: found[:2])[2] if approved else None


def withdraw(found: ParameterSet | None, reason: str, *, by: str) -> ParameterSetWithdrawn | CannotSet | None:
    """A proposal comes to nothing; None when it already did, by the same person. What was approved stays."""
    if found is None:
        return CannotSet.UNKNOWN
    if found.status is SetStatus.WITHDRAWN and found.decided_by == by:
        return None
    if found.status is not SetStatus.PROPOSED:
        return CannotSet.DECIDED
    return ParameterSetWithdrawn(set_id=found.set_id, kind=found.kind, subject=found.subject, reason=reason)
