"""The bank's own books: one row per payment, and what the customers' money came to.

A row is `pending` before the biller is told, so money that was taken is never forgotten; `done` and `refused` are
final, and only `pending` and `unknown` can become them. Only by hand is what was `done` taken back.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """`pending`: in hand. `unknown`: in doubt, until status or advice tells. `refused`: the money went back.
    `taken_back`: the bank finds that it never had the money of what it told the biller; no file lists it, people write letters about it."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    TAKEN_BACK = "taken_back"


SCHEMA = """
create table if not exists payments (
    number integer primary key,
    payment_request_id text not null unique,
    reference_no text not null,
    customer_no text not null,
    virtual_account text not null,
    amount integer not null,           -- rupiah; 0 when the inquiry was refused
    state text not null,
    refused_at text,                   -- 'inquiry' or 'payment'
    told integer not null,             -- 0: the bank never called the biller about it
    trx_date_time text not null,       -- business time in WIB, as sent
    body text,                         -- the payment as sent, for every repeat
    external_id text,                  -- of its latest call
    code text not null default '',
    message text not null default '',
    answers text not null default '[]',
    resolve_tries integer not null default 0,
    next_try_at real not null default 0
);
create index if not exists payments_by_state on payments (state, next_try_at);
create index if not exists payments_by_day on payments (substr(trx_date_time, 1, 10));
"""


@dataclass(frozen=True)
class Payment:
    """A row of the books; `answers` are the response codes in the order they came, "none" for no readable answer."""

    number: int
    payment_request_id: str
    reference_no: str
    customer_no: str
    virtual_account: str
    amount: int
    state: State
    refused_at: str | None
    told: bool
    trx_date_time: str
    body: dict[str, Any] | None
    external_id: str | None
    code: str
    message: str
    answers: list[str]
    resolve_tries: int

    def view(self) -> dict[str, Any]:
        """What the bank shows of it."""
        hidden = {"number", "body"}
        return {name: value for name, value in self.__dict__.items() if name not in hidden}


class Books:
    """The table of payments. Every method is one committed step of tens of microseconds."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._number: int = database.execute("select coalesce(max(number), 0) from payments").fetchone()[0]
        # What was in hand when the last process ended may or may not have reached the biller.
        database.execute("update payments set state = 'unknown' where state = 'pending'")
        database.execute("update payments set next_try_at = 0 where state = 'unknown'")

    def next_number(self) -> int:
        """Counts payments from 1, across restarts."""
        self._number += 1
        return self._number

    def add(self, payment: Payment) -> None:
        """Enters a payment; for money that is taken this happens before the biller is told."""
        self._database.execute(
            "insert into payments (number, payment_request_id, reference_no, customer_no, virtual_account, amount,"
            " state, refused_at, told, trx_date_time, body, external_id, code, message, answers)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                payment.number,
                payment.payment_request_id,
                payment.reference_no,
                payment.customer_no,
                payment.virtual_account,
                payment.amount,
                payment.state,
                payment.refused_at,
                payment.told,
                payment.trx_date_time,
                json.dumps(payment.body) if payment.body else None,
                payment.external_id,
                payment.code,
                payment.message,
                json.dumps(payment.answers),
            ),
        )

    def close(
        self,
        payment_request_id: str,
        state: State,
        *,
        code: str,
        message: str,
        answers: Sequence[str],
        external_id: str,
    ) -> None:
        """Writes what is known now, and every answer so far. A payment that is final stays as it is."""
        self._database.execute(
            "update payments set state = ?, refused_at = iif(? = 'refused', 'payment', null), code = ?, message = ?,"
            " answers = ?, external_id = ? where payment_request_id = ? and state in ('pending', 'unknown')",
            (state, state, code, message, json.dumps(answers), external_id, payment_request_id),
        )

    def postpone(self, payment_request_id: str, *, tries: int, until: float) -> None:
        """The resolver has tried so often; next at `until` (wall seconds)."""
        self._database.execute(
            "update payments set resolve_tries = ?, next_try_at = ? where payment_request_id = ?",
            (tries, until, payment_request_id),
        )

    def revive(self) -> int:
        """Lets the resolver begin anew with everything unknown; how many."""
        return self._database.execute(
            "update payments set resolve_tries = 0, next_try_at = 0 where state = 'unknown'"
        ).rowcount

    def take_back(self, payment_request_id: str) -> bool:
        """Of what was done: the bank had never had the money. False when it was not done."""
        changed = self._database.execute(
            "update payments set state = 'taken_back' where payment_request_id = ? and state = 'done'",
            (payment_request_id,),
        )
        return changed.rowcount == 1

    def due(self, now: float, *, max_tries: int, limit: int) -> list[Payment]:
        """Unknown payments the resolver should look at, longest due first."""
        return self._select(
            "where state = 'unknown' and next_try_at <= ? and resolve_tries < ? order by next_try_at, number limit ?",
            (now, max_tries, limit),
        )

    def find(self, payment_request_id: str) -> Payment | None:
        found = self._select("where payment_request_id = ?", (payment_request_id,))
        return found[0] if found else None

    def recent(self, *, state: State | None, customer_no: str | None, limit: int, offset: int) -> list[Payment]:
        """Newest first."""
        return self._select(
            "where (?1 is null or state = ?1) and (?2 is null or customer_no = ?2)"
            " order by number desc limit ?3 offset ?4",
            (state, customer_no, limit, offset),
        )

    def done_on(self, business_day: str) -> list[Payment]:
        """What the bank holds as done by trxDateTime of that WIB day, in the order it was entered."""
        return self._select(
            "where substr(trx_date_time, 1, 10) = ? and state = 'done' order by number", (business_day,)
        )

    def totals(self, *, max_tries: int) -> dict[str, Any]:
        """Count and rupiah per state, and the parts of them one asks about."""
        states: dict[str, dict[str, int]] = {state: {"count": 0, "rupiah": 0} for state in State}
        for row in self._database.execute("select state, count(*), sum(amount) from payments group by state"):
            states[row[0]] = {"count": row[1], "rupiah": row[2]}
        row = self._database.execute(
            "select count(*) filter (where refused_at = 'inquiry'), count(*) filter (where refused_at = 'payment'),"
            " count(*) filter (where state = 'done' and not told),"
            " count(*) filter (where state = 'unknown' and resolve_tries >= ?) from payments",
            (max_tries,),
        ).fetchone()
        return {
            "states": states,
            "refused_at": {"inquiry": row[0], "payment": row[1]},
            "never_called": row[2],
            "given_up": row[3],
        }

    def _select(self, rest: str, values: Sequence[Any]) -> list[Payment]:
        return [_payment(row) for row in self._database.execute(f"select * from payments {rest}", values).fetchall()]


def _payment(row: sqlite3.Row) -> Payment:
    return Payment(
        number=row["number"],
        payment_request_id=row["payment_request_id"],
        reference_no=row["reference_no"],
        customer_no=row["customer_no"],
        virtual_account=row["virtual_account"],
        amount=row["amount"],
        state=State(row["state"]),
        refused_at=row["refused_at"],
        told=bool(row["told"]),
        trx_date_time=row["trx_date_time"],
        body=json.loads(row["body"]) if row["body"] else None,
        external_id=row["external_id"],
        code=row["code"],
        message=row["message"],
        answers=json.loads(row["answers"]),
        resolve_tries=row["resolve_tries"],
    )
