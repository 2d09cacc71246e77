"""Proposing, approving and withdrawing parameter sets. Sets of one kind and subject are decided one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.parameters import ParameterSetProposed
from contracts.values import ParameterSetId
from services.payments.domain.parameters import day_of
from services.payments.domain.parameters.proposing import (
    PARAMETER_RULES,
    CannotSet,
    ParameterSet,
    SetStatus,
    WantedSet,
    approve,
    counting,
    propose,
    set_key,
    withdraw,
)
from services.payments.problems import PARAMETERS_TOO_EARLY, SAME_PERSON, SET_DECIDED
from services.payments.queries import parameters as queries

STREAM = "parameters"
_PROBLEMS = {
    CannotSet.TOO_EARLY: PARAMETERS_TOO_EARLY,
    CannotSet.UNKNOWN: NOT_FOUND,
    CannotSet.SAME_PERSON: SAME_PERSON,
    CannotSet.DECIDED: SET_DECIDED,
}

Key = tuple[str, str | None]
"""(kind, subject)."""

UsedThrough = Callable[[Tx, Collection[str | None]], Awaitable[Mapping[str | None, date]]]
"""For these subjects of a kind the last WIB day that something was decided for, or may be by tomorrow; a subject that is absent was never
used. Asked in the transaction that proposes or approves."""


@dataclass(frozen=True, slots=True)
class ProposeSet:
    wanted: WantedSet
    meta: Meta


@dataclass(frozen=True, slots=True)
class ApproveSet:
    """`kind`: as the caller names it; a set of another kind is not found."""

    kind: str
    set_id: ParameterSetId
    meta: Meta


@dataclass(frozen=True, slots=True)
class WithdrawSet:
    kind: str
    set_id: ParameterSetId
    reason: str
    meta: Meta


ChangeSet = ProposeSet | ApproveSet | WithdrawSet


@dataclass(slots=True)
class _Loaded:
    """Sets of one batch, changed by what it records; `earliest` day that a set may begin, by key."""

    tx: Tx
    keys: Mapping[ParameterSetId, Key]
    sets: dict[Key, list[ParameterSet]]
    earliest: Mapping[Key, date]

    def find(self, kind: str, set_id: ParameterSetId) -> ParameterSet | None:
        key = self.keys.get(set_id)
        if key is None or key[0] != kind:
            return None
        return next((one for one in self.sets.get(key, ()) if one.set_id == set_id), None)

    def put(self, changed: ParameterSet) -> None:
        key = changed.kind, changed.subject
        self.sets[key] = [one for one in self.sets.get(key, ()) if one.set_id != changed.set_id] + [changed]

    def decided(self, found: ParameterSet, status: SetStatus, by: str) -> ParameterSet:
        changed = replace(found, status=status, decided_by=by, decided_at=self.tx.now)
        self.put(changed)
        return changed


@dataclass(frozen=True, slots=True)
class ChangeParameters:
    """The use case; `changed` is called after each commit.

    `used`: kinds whose sets are asked for past days only (a run of last month, say): such a set may begin on any day that
    nothing was decided for (decision 112). Of every other kind it begins tomorrow at the earliest, as today may be decided on already.
    """

    changed: Callable[[], None]
    used: Mapping[str, UsedThrough] = field(default_factory=dict)
    __name__ = "change_parameters"

    async def __call__(self, tx: Tx, items: Sequence[ChangeSet], /) -> list[Accepted | Rejected]:
        loaded = await self._load(tx, items)
        outcomes = [_one(loaded, item) for item in items]
        tx.after_commit(self.changed)
        return outcomes

    async def _load(self, tx: Tx, items: Sequence[ChangeSet]) -> _Loaded:
        """Heads first, then state. The first look-up only finds the keys."""
        named = {item.set_id for item in items if not isinstance(item, ProposeSet)}
        keys = await queries.keys_of(tx.conn, named) if named else {}
        wanted = {(i.wanted.kind.name, i.wanted.subject) for i in items if isinstance(i, ProposeSet)} | {*keys.values()}
        await tx.heads(STREAM, {set_key(*key) for key in wanted})
        sets: dict[Key, list[ParameterSet]] = {key: [] for key in wanted}
        for one in await queries.sets_of(tx.conn, {kind for kind, _ in wanted}):
            sets.setdefault((one.kind, one.subject), []).append(one)
        earliest = await self._earliest(tx, wanted)
        return _Loaded(tx, {ParameterSetId(set_id): key for set_id, key in keys.items()}, sets, earliest)

    async def _earliest(self, tx: Tx, wanted: Collection[Key]) -> Mapping[Key, date]:
        tomorrow = day_of(tx.now) + timedelta(days=1)
        found = dict.fromkeys(wanted, tomorrow)
        for kind in {kind for kind, _ in wanted} & self.used.keys():
            subjects = [subject for other, subject in wanted if other == kind]
            through = await self.used[kind](tx, subjects)
            for subject in subjects:
                last = through.get(subject)
                found[kind, subject] = date.min if last is None else last + timedelta(days=1)
        return found


def _one(loaded: _Loaded, item: ChangeSet) -> Accepted | Rejected:
    match item:
        case ProposeSet():
            return _propose(loaded, item)
        case ApproveSet():
            return _approve(loaded, item)
        case WithdrawSet():
            return _withdraw(loaded, item)


def _propose(loaded: _Loaded, item: ProposeSet) -> Accepted | Rejected:
    wanted = item.wanted
    key = wanted.kind.name, wanted.subject
    proposed = propose(wanted, loaded.sets[key], set_id=ParameterSetId(new_id()), earliest=loaded.earliest[key])
    if isinstance(proposed, CannotSet):
        return _refused(proposed, loaded.earliest[key])
    _record(loaded.tx, proposed, proposed.kind, proposed.subject, item.meta)
    found = _set(proposed, item.meta.actor)
    loaded.put(found)
    return _answer(found, 201)


def _approve(loaded: _Loaded, item: ApproveSet) -> Accepted | Rejected:
    found = loaded.find(item.kind, item.set_id)
    earliest = loaded.earliest[found.kind, found.subject] if found else date.max
    decided = approve(found, by=item.meta.actor, earliest=earliest)
    if isinstance(decided, CannotSet):
        return _refused(decided, earliest, found)
    assert found is not None
    before = counting(loaded.sets[found.kind, found.subject], found.valid_from)
    if decided is not None:
        _record(loaded.tx, decided, found.kind, found.subject, item.meta)
        found = loaded.decided(found, SetStatus.APPROVED, item.meta.actor)
    return _approved(loaded, found, before)


def _approved(loaded: _Loaded, found: ParameterSet, before: ParameterSet | None) -> Accepted:
    """`displaces`: the version that would have counted on its day but for this one, if there is such."""
    counts = counting(loaded.sets[found.kind, found.subject], found.valid_from)
    displaced = before is not None and counts is not None and before.set_id != counts.set_id == found.set_id
    answer = _answer(found)
    return replace(answer, body={**answer.body, "displaces": [before.version] if before and displaced else []})


def _withdraw(loaded: _Loaded, item: WithdrawSet) -> Accepted | Rejected:
    found = loaded.find(item.kind, item.set_id)
    decided = withdraw(found, item.reason, by=item.meta.actor)
    if isinstance(decided, CannotSet):
        return _refused(decided, date.max, found)
    assert found is not None
    if decided is not None:
        _record(loaded.tx, decided, found.kind, found.subject, item.meta)
        found = loaded.decided(found, SetStatus.WITHDRAWN, item.meta.actor)
    return _answer(found)


def _refused(refusal: CannotSet, earliest: date, found: ParameterSet | None = None) -> Rejected:
    if refusal is CannotSet.DECIDED and found is not None:
        return Rejected(_PROBLEMS[refusal], values={"by": str(found.decided_by)}, rules=PARAMETER_RULES)
    if refusal is CannotSet.TOO_EARLY:
        return Rejected(_PROBLEMS[refusal], "valid_from", {"earliest": str(earliest)}, PARAMETER_RULES)
    return Rejected(_PROBLEMS[refusal], rules=None if refusal is CannotSet.UNKNOWN else PARAMETER_RULES)


def _set(proposed: ParameterSetProposed, by: str) -> ParameterSet:
    return ParameterSet(
        set_id=proposed.set_id,
        kind=proposed.kind,
        subject=proposed.subject,
        number=proposed.number,
        version=proposed.set_version,
        valid_from=proposed.valid_from,
        source=proposed.source,
        value=dict(proposed.value),
        proposed_by=by,
    )


def _record(tx: Tx, event: Event, kind: str, subject: str | None, meta: Meta) -> None:
    tx.record(event, key=set_key(kind, subject), meta=meta, scope=Scope(), rules=PARAMETER_RULES)


def _answer(found: ParameterSet, status: int = 200) -> Accepted:
    return Accepted(
        {"set_id": str(found.set_id), "version": found.version, "status": str(found.status)},
        status,
    )
