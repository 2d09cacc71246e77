"""Everything the checks look at, fetched once: logs and tables by SQL under the read-only role, the topics, the outside parties' own books."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from tests.faults.checker.facts import CannotCheck, Facts, Planted
from tests.faults.checker.journal import Journal
from tests.faults.checker.records import Record, read_topics

Row = Mapping[str, Any]
_LOG = (
    "SELECT position, event_id::text, stream, key, seq, type, occurred_at, recorded_at, actor, correlation_id::text,"
    " causation_id::text, payload, rules, tx_id::text FROM event_log ORDER BY position"
)
_PAGE = 1_000
PLAYS_AT_TIMES = "audit"


@dataclass(slots=True)
class Event:
    """One row of a service's log. Instants are aware UTC; ids are text."""

    position: int
    event_id: str
    stream: str
    key: str
    seq: int
    type: str
    occurred_at: Any
    recorded_at: Any
    actor: str
    correlation_id: str
    causation_id: str | None
    payload: bytes
    rules: str = ""
    tx_id: str = ""
    _data: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def data(self) -> dict[str, Any]:
        """The payload, read once."""
        if self._data is None:
            self._data = json.loads(self.payload)
        return self._data

    @property
    def place(self) -> tuple[str, str]:
        return self.stream, self.key


@dataclass
class World:
    """One run, drained. Whatever was fetched is kept: every check sees the same."""

    facts: Facts
    journal: Journal
    planted: Planted
    _logs: dict[str, list[Event]] = field(default_factory=dict)
    _tables: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    _records: list[Record] | None = None
    _books: list[Row] | None = None
    _codes: list[Row] | None = None
    _messages: list[Row] | None = None

    async def log(self, service: str) -> list[Event]:
        """The service's own events by position."""
        if service not in self._logs:
            self._logs[service] = [Event(*row) for row in await self.query(service, _LOG)]
        return self._logs[service]

    async def by_type(self, service: str) -> dict[str, list[Event]]:
        """The service's own events of each type, by position."""
        found: defaultdict[str, list[Event]] = defaultdict(list)
        for event in await self.log(service):
            found[event.type].append(event)
        return found

    async def rows(self, service: str, table: str) -> list[Row]:
        """A whole table; JSON columns as text."""
        if (service, table) not in self._tables:
            self._tables[service, table] = await self.query(service, f'SELECT * FROM public."{table}"')
        return self._tables[service, table]

    async def query(self, service: str, sql: str, *arguments: Any) -> list[Any]:
        """Rows under the read-only role. Raises CannotCheck."""
        try:
            connection = await asyncpg.connect(self.facts.databases[service], timeout=30)
            try:
                return list(await connection.fetch(sql, *arguments))
            finally:
                await connection.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise CannotCheck(f"{service}: {type(error).__name__}: {error}") from error

    async def records(self) -> list[Record]:
        """Every record of the event topics and of the dead letters, by place; one pass for all checks."""
        if self._records is None:
            facts = self.facts
            topics = [facts.prefix + topic for topic in facts.topics]
            self._records = await read_topics(facts.bootstrap, [*topics, facts.dead_letters])
        return self._records

    async def events_on(self, topic: str) -> list[Record]:
        """Records of one event topic (name without prefix) without those that were planted as no events, and those of a service that played
        before and has left: its log is not looked at."""
        name, planted = self.facts.prefix + topic, self.planted.places
        gone = {PLAYS_AT_TIMES} - {*self.facts.services}
        return [
            record
            for record in await self.records()
            if record.topic == name
            and record.place not in planted
            and (record.envelope is None or record.envelope.source not in gone)
        ]

    async def letters(self) -> list[Record]:
        return [record for record in await self.records() if record.topic == self.facts.dead_letters]

    async def books(self) -> list[Row]:
        """B: every payment in the bank's own books."""
        if self._books is None:
            self._books = await _pages(self.facts.bank_url, "/payments", "payments")
        return self._books

    async def codes(self) -> list[Row]:
        """Every QR code in the acquirer's own books; none where a run has no acquirer."""
        if self._codes is None:
            url = self.facts.acquirer_url
            self._codes = await _pages(url, "/codes", "codes") if url else []
        return self._codes

    async def messages(self) -> list[Row]:
        """G: every message that the gateway accepted."""
        if self._messages is None:
            self._messages = await _pages(self.facts.gateway_url, "/messages", "messages")
        return self._messages


async def _pages(url: str | None, path: str, name: str) -> list[Row]:
    if not url:
        raise CannotCheck(f"the facts name nobody to ask for {path}")
    found: list[Row] = []
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            while True:
                answer = await client.get(url + path, params={"limit": _PAGE, "offset": len(found)})
                page: Sequence[Row] = answer.raise_for_status().json()[name]
                found += page
                if len(page) < _PAGE:
                    return found
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise CannotCheck(f"{path}: {type(error).__name__}") from error
