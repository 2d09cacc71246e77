"""Proposing and approving sets: pure deciders. One person of the central office proposes, another approves (domain.md section 2).

A set is never edited. What was approved stands; a proposal may be withdrawn; another law is another set from a later day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
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
    """One set as proposed; `value` is its JSON form. `number` counts the proposals of its kind and subject from 1."""

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
    """Law from its day on. Nobody approves what he proposed. None when it is approved already."""
    if found is None:
        return CannotSet.UNKNOWN
    if found.status is SetStatus.APPROVED:
        return None
    if found.status is SetStatus.WITHDRAWN:
        return CannotSet.DECIDED
    if is_own(found.proposed_by, by):
        return CannotSet.SAME_PERSON
    if found.valid_from < earliest:
        return CannotSet.TOO_EARLY
    return ParameterSetApproved(set_id=found.set_id, kind=found.kind, subject=found.subject, set_version=found.version)


def withdraw(found: ParameterSet | None, reason: str) -> ParameterSetWithdrawn | CannotSet | None:
    """A proposal comes to nothing; None when it already did. What was approved stays."""
    if found is None:
        return CannotSet.UNKNOWN
    if found.status is SetStatus.WITHDRAWN:
        return None
    if found.status is SetStatus.APPROVED:
        return CannotSet.DECIDED
    return ParameterSetWithdrawn(set_id=found.set_id, kind=found.kind, subject=found.subject, reason=reason)
