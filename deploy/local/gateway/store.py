"""The provider's own store: what was accepted, and the receipts still to be sent.

A message and its receipts are stored in one step. Where keys are honoured, one key has one message.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deploy.local.gateway.clock import timestamp
from deploy.local.gateway.ids import new_message_id
from deploy.local.gateway.messages import Message

SCHEMA = """
create table if not exists messages (
    number integer primary key,
    message_id text not null unique,
    idempotency_key text not null,
    fingerprint text not null,
    recipient text not null,
    channel text not null,
    language text not null,
    text text not null,
    reference text not null,
    accepted_at text not null,
    status text not null default 'accepted',  -- accepted, delivered, failed
    reason text,
    repeats integer not null default 0        -- further requests with the same key and body
);
create index if not exists messages_by_key on messages (idempotency_key);
create table if not exists receipts (
    number integer primary key,
    message_id text not null,
    status text not null,
    reason text,
    first_due_at real not null,
    due_at real not null,                     -- seconds since 1970
    tries integer not null default 0,
    ended text                                -- acknowledged, abandoned
);
create index if not exists receipts_due on receipts (due_at) where ended is null;
"""


@dataclass(frozen=True)
class Outcome:
    """What will become of a message: its status, the reason of a failure, and how many receipts say so."""

    status: str
    reason: str | None
    receipts: int


@dataclass(frozen=True)
class Receipt:
    """A receipt that is due."""

    number: int
    message_id: str
    reference: str
    status: str
    reason: str | None
    first_due_at: float
    tries: int


class KeyReused(Exception):
    """The key was used for another body."""


class Store:
    """Every method is one committed step of tens of microseconds."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def accept(
        self, key: str, message: Message, outcome: Outcome, *, at: datetime, delay_s: float, honours_keys: bool
    ) -> str:
        """The message id: the first one for a repeated key, where keys are honoured. Raises `KeyReused`."""
        if honours_keys and (known := self._repeat(key, message.fingerprint())):
            return known
        message_id = new_message_id()
        due_at = (at + timedelta(seconds=delay_s)).timestamp()
        self._database.execute("begin immediate")
        try:
            self._insert(message_id, key, message, at)
            self._database.executemany(
                "insert into receipts (message_id, status, reason, first_due_at, due_at) values (?, ?, ?, ?, ?)",
                [(message_id, outcome.status, outcome.reason, due_at, due_at)] * outcome.receipts,
            )
            self._database.execute("commit")
        except BaseException:
            self._database.execute("rollback")
            raise
        return message_id

    def due(self, now: float, limit: int) -> list[Receipt]:
        """Receipts to send now, longest due first."""
        rows = self._database.execute(
            "select r.*, m.reference from receipts r join messages m using (message_id)"
            " where r.ended is null and r.due_at <= ? order by r.due_at, r.number limit ?",
            (now, limit),
        ).fetchall()
        return [
            Receipt(
                row["number"],
                row["message_id"],
                row["reference"],
                row["status"],
                row["reason"],
                row["first_due_at"],
                row["tries"],
            )
            for row in rows
        ]

    def arrived(self, receipt: Receipt) -> None:
        """The message has met its fate, whether or not the customer ever hears of it."""
        self._database.execute(
            "update messages set status = ?, reason = ? where message_id = ?",
            (receipt.status, receipt.reason, receipt.message_id),
        )

    def end(self, receipt: Receipt, ended: str) -> None:
        """`acknowledged` or `abandoned`: not sent again."""
        self._database.execute(
            "update receipts set ended = ?, tries = ? where number = ?", (ended, receipt.tries + 1, receipt.number)
        )

    def postpone(self, receipt: Receipt, due_at: float) -> None:
        """Tried once more in vain; next at `due_at`."""
        self._database.execute(
            "update receipts set due_at = ?, tries = ? where number = ?", (due_at, receipt.tries + 1, receipt.number)
        )

    def find(self, message_id: str) -> dict[str, Any] | None:
        """A message with its receipts."""
        row = self._database.execute("select * from messages where message_id = ?", (message_id,)).fetchone()
        if row is None:
            return None
        receipts = self._database.execute(
            "select status, tries, coalesce(ended, 'waiting') as state from receipts where message_id = ?"
            " order by number",
            (message_id,),
        ).fetchall()
        return {**_view(row), "receipts": [dict(receipt) for receipt in receipts]}

    def list(self, filters: dict[str, str | None], *, limit: int, offset: int) -> tuple[int, list[dict[str, Any]]]:
        """How many match, and so many of them, newest first. `to` matches a part of the number, the others the whole."""
        where, values = _where(filters)
        count = self._database.execute(f"select count(*) from messages {where}", values).fetchone()[0]
        rows = self._database.execute(
            f"select * from messages {where} order by number desc limit ? offset ?", [*values, limit, offset]
        )
        return count, [_view(row) for row in rows.fetchall()]

    def counts(self) -> dict[str, Any]:
        """Of everything: messages, distinct keys, repeated requests, messages by status, receipts by state."""
        row = self._database.execute(
            "select count(*), count(distinct idempotency_key), coalesce(sum(repeats), 0) from messages"
        ).fetchone()
        return {
            "messages": row[0],
            "distinct_keys": row[1],
            "repeats": row[2],
            "by_status": self._by(("accepted", "delivered", "failed"), "status", "messages"),
            "receipts": self._by(("waiting", "acknowledged", "abandoned"), "coalesce(ended, 'waiting')", "receipts"),
        }

    def _by(self, names: Sequence[str], expression: str, table: str) -> dict[str, int]:
        rows = self._database.execute(f"select {expression}, count(*) from {table} group by 1").fetchall()
        return {**dict.fromkeys(names, 0), **{row[0]: row[1] for row in rows}}

    def _repeat(self, key: str, fingerprint: str) -> str | None:
        row = self._database.execute(
            "select message_id, fingerprint from messages where idempotency_key = ? order by number limit 1", (key,)
        ).fetchone()
        if row is None:
            return None
        if row["fingerprint"] != fingerprint:
            raise KeyReused
        self._database.execute("update messages set repeats = repeats + 1 where message_id = ?", (row["message_id"],))
        return str(row["message_id"])

    def _insert(self, message_id: str, key: str, message: Message, at: datetime) -> None:
        self._database.execute(
            "insert into messages (message_id, idempotency_key, fingerprint, recipient, channel, language, text,"
            " reference, accepted_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message_id,
                key,
                message.fingerprint(),
                message.to,
                message.channel,
                message.language,
                message.text,
                message.reference,
                timestamp(at, timespec="milliseconds"),
            ),
        )


def _where(filters: dict[str, str | None]) -> tuple[str, list[str]]:
    asked = {name: value for name, value in filters.items() if value}
    conditions = [
        "instr(recipient, ?) > 0" if name == "to" else f"{name} = ?"  # names are ours, values are bound
        for name in asked
    ]
    return (f"where {' and '.join(conditions)}" if conditions else "", list(asked.values()))


def _view(row: sqlite3.Row) -> dict[str, Any]:
    shown = {name: row[name] for name in row.keys() if name not in ("number", "fingerprint", "recipient")}  # noqa: SIM118
    return {**shown, "to": row["recipient"]}
