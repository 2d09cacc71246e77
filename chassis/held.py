"""What a service holds about one person, opened for that person: the rows about them, and every event of the keys that are theirs.

A service declares for each of its tables how a person's rows are found, or says that none are anybody's (`Holdings`); a test holds that against
the tables there are. Nothing of an answer is kept here: it is read in one picture, sent to who asked, and gone.

Other people on the same line (a list that names many, a line of an agent about somebody else's payment) are left out by name (`chassis/copied.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import copied, eventlog
from chassis.database import Unavailable
from chassis.http.auth import Principal, allow
from chassis.http.responses import problems
from chassis.http.scope import within
from chassis.privacy.vault import Vault
from chassis.problems import NOT_FOUND, ProblemType, Refusal, Rejected
from chassis.rows import matching
from chassis.service import App
from chassis.tables import event_log, forgotten
from contracts.envelope import Envelope
from contracts.values import WIB

PERSON_ERASED = ProblemType(
    "person_erased",
    410,
    "Data orang ini sudah dihapus pada {since}. Yang tersisa tidak menyebut siapa pun, jadi tidak ada salinan yang dapat diberikan.",
    "This person's data were erased on {since}. What is left names nobody, so there is nothing to give a copy of.",
)
Receives = Annotated[Principal, Depends(allow("officer", "checker", "participant"))]
"""Who sees a person in full (domain.md section 2)."""

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in both languages."""

    id: str
    en: str


def by(column: str) -> Callable[[Row], str]:
    """The key of a row's events stands in this column."""
    return lambda row: str(row[column])


@dataclass(frozen=True)
class Held:
    """One table. `of`: which rows are about this participant, where column `participant_id` alone does not say it. `stream` and `key`: whose events
    these rows are a fold of, where they are about nobody else. `sealed`: encrypted columns besides those that the service declares.
    `without`: columns that tell of somebody else. `subject`: the column with another id under which something is sealed for the same person.
    """

    table: sa.Table
    title: Words
    of: Callable[[UUID], sa.ColumnElement[bool]] | None = None
    stream: str | None = None
    key: Callable[[Row], str] = lambda row: str(row["participant_id"])
    sealed: Sequence[str] = ()
    without: Sequence[str] = ()
    subject: str | None = None

    def about(self, who: UUID) -> sa.ColumnElement[bool]:
        """Which rows are about this participant."""
        return self.table.c.participant_id == who if self.of is None else self.of(who)


Tell = Callable[[AsyncConnection, UUID, datetime], Awaitable[Sequence[Words]]]


@dataclass(frozen=True)
class Holdings:
    """`whose`: the table of participants with the columns of their scope. `nobodys`: tables without a row about a person, each with why.
    `told`: what the copy leaves out, and what the law has kept, in words; `tell` adds what depends on the person and the business time.
    """

    whose: sa.Table
    tables: Sequence[Held]
    nobodys: Mapping[str, str]
    told: Sequence[Words] = ()
    tell: Tell | None = None


class WordsShown(BaseModel):
    id: str
    en: str


class TableShown(BaseModel):
    """`rows`: column → value; money in whole rupiah, times in ISO 8601. Columns are never renamed, and new ones may come."""

    name: str
    title: WordsShown
    rows: list[dict[str, Any]]


class EventHeld(BaseModel):
    """One recorded event. `data`: what it says, opened."""

    event_id: UUID
    type: str
    version: int
    stream: str
    key: str
    seq: int
    occurred_at: datetime = Field(description="business time")
    recorded_at: datetime = Field(description="wall time")
    actor: str
    rules: str
    correlation_id: UUID
    branch_id: UUID | None
    wadah_id: UUID | None
    agent_id: UUID | None
    data: dict[str, Any]


class HeldShown(BaseModel):
    """What one service holds about one person. `told`: what is left out and what the law has kept, in words."""

    service: str
    participant_id: UUID
    made_at: datetime
    tables: list[TableShown]
    events: list[EventHeld]
    told: list[WordsShown]


def router(app: App, holdings: Holdings) -> APIRouter:
    """The door of one service's part of the copy."""
    routes = APIRouter(tags=["participants"])

    @routes.get("/participants/{participant_id}/export", responses=problems(NOT_FOUND, PERSON_ERASED))
    async def export(participant_id: UUID, principal: Receives) -> HeldShown:
        """Everything this service holds about the person, opened, for the person: rows and events. Kept nowhere; ask each service for its part."""
        return await held(app, holdings, participant_id, principal)

    return routes


async def held(app: App, holdings: Holdings, who: UUID, principal: Principal) -> HeldShown:
    """Raises Refusal `not_found` for a person out of scope, `person_erased`; Unavailable while the person's key cannot be had."""
    await _must_be_there(app, holdings, who, principal)
    await app.keys.fetch([who])
    async with app.read() as conn:
        await conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        found = [(one, await _rows(conn, one, who)) for one in holdings.tables]
        subjects = {who} | {row[one.subject] for one, rows in found for row in rows if one.subject}
        stored = await _events(conn, _keys(found), app.service.name)
        told = [*holdings.told, *(await holdings.tell(conn, who, app.clock.business()) if holdings.tell else ())]
    await app.keys.fetch(subjects)
    keys = {subject: app.keys.cache[subject] for subject in subjects}
    if keys[who] is None:
        raise Unavailable("the person is being erased")
    opened = [
        TableShown(name=one.table.name, title=_words(one.title), rows=_shown(app, one, rows, who))
        for one, rows in found
    ]
    return HeldShown(
        service=app.service.name,
        participant_id=who,
        made_at=app.clock.wall(),
        tables=[one for one in opened if one.rows],
        events=[_event(envelope, payload, keys, who) for envelope, payload in stored],
        told=[_words(one) for one in told],
    )


async def _must_be_there(app: App, holdings: Holdings, who: UUID, principal: Principal) -> None:
    whose = holdings.whose
    seen = sa.select(forgotten.c.forgotten_at).select_from(
        whose.outerjoin(forgotten, forgotten.c.subject == whose.c.participant_id)
    )
    async with app.read() as conn:
        row = (await conn.execute(seen.where(whose.c.participant_id == who, within(principal, whose)))).one_or_none()
    if row is None:
        raise Refusal(Rejected(NOT_FOUND))
    if row.forgotten_at is not None:
        raise Refusal(erased(row.forgotten_at))


async def erased_at(conn: AsyncConnection, who: Collection[UUID]) -> dict[UUID, datetime]:
    """Wall time, of those who were erased here."""
    query = sa.select(forgotten.c.subject, forgotten.c.forgotten_at).where(matching(forgotten.c.subject, who))
    return {row.subject: row.forgotten_at for row in await conn.execute(query)}


def erased(since: datetime) -> Rejected:
    """`person_erased`, with the minute of wall time in WIB."""
    return Rejected(PERSON_ERASED, values={"since": f"{since.astimezone(WIB):%d-%m-%Y %H.%M} WIB"})


async def _rows(conn: AsyncConnection, one: Held, who: UUID) -> Sequence[Row]:
    query = sa.select(one.table).where(one.about(who)).order_by(*one.table.primary_key)
    return (await conn.execute(query)).mappings().all()


def _keys(found: Collection[tuple[Held, Sequence[Row]]]) -> set[tuple[str, str]]:
    return {(one.stream, one.key(row)) for one, rows in found for row in rows if one.stream}


_EVENTS: Final = sa.text(
    f"SELECT {eventlog.ENVELOPE_COLUMNS} FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[])) AS wanted(stream, key)"
    " JOIN event_log USING (stream, key) ORDER BY position"
)


async def _events(conn: AsyncConnection, keys: set[tuple[str, str]], source: str) -> list[tuple[Envelope, bytes]]:
    """In the order in which they were recorded; each key costs its own rows of the log's index."""
    places = sorted(keys)
    wanted = {"streams": [stream for stream, _ in places], "keys": [key for _, key in places]}
    return [(eventlog.envelope_of(row, source), bytes(row.payload)) for row in await conn.execute(_EVENTS, wanted)]


def event_ids(*places: tuple[str, sa.ColumnElement[str] | sa.Select[Any]]) -> sa.Select[Any]:
    """Ids of the events of these keys: a stream each, and a key or a query that gives keys."""
    chosen = [
        sa.select(event_log.c.event_id).where(
            event_log.c.stream == stream,
            event_log.c.key.in_(key) if isinstance(key, sa.Select) else event_log.c.key == key,
        )
        for stream, key in places
    ]
    return sa.select(sa.union_all(*chosen).subquery().c.event_id)


def _shown(app: App, one: Held, rows: Sequence[Row], who: UUID) -> list[dict[str, Any]]:
    sealed = {*app.service.personal.get(one.table.name, ()), *one.sealed}
    return [_row(app.vault, one, row, sealed, who) for row in rows]


def _row(vault: Vault, one: Held, row: Row, sealed: Collection[str], who: UUID) -> dict[str, Any]:
    place = ":".join(str(row[column.name]) for column in one.table.primary_key)
    return {
        name: copied.cell(vault, one.table.name, name, place, value, who)
        if name in sealed
        else copied.without_others(value, who, name)
        for name, value in row.items()
        if name not in one.without
    }


def _event(envelope: Envelope, payload: bytes, keys: Mapping[UUID, bytes | None], who: UUID) -> EventHeld:
    told = envelope._asdict()
    data = copied.data(envelope, payload, keys, who)
    return EventHeld(data=data, **{name: told[name] for name in EventHeld.model_fields if name != "data"})


def _words(words: Words) -> WordsShown:
    return WordsShown(id=words.id, en=words.en)
