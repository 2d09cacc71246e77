"""B12: the monthly run of the incentives, from the closing of a month to its last statement, against the same aggregation as one plain SQL statement.

A database of its own: invented agents whose participants each paid one month, the rows as payments' projections write them. The run is the service's
own, timer by timer, without pauses; it reads, judges, records every line in events and projects them. The statement only sums. Both must come to the
same rupiah.

    python -m tests.bench.b12_incentives --contributions 1000000       # alone, on given or embedded servers
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg

from deploy.local.outreach.history import WIB
from services.payments.app import SERVICE
from tests.bench.ground import Ground
from tests.bench.report import Findings
from tests.bench.rounds import NoResult, Result, Side, Spec, ratio
from tests.support import stack as stacks
from tests.support.clock import FakeClock
from tests.support.service import Harness, harness
from tests.support.stack import Stack, open_folder

CLOSED = datetime(2025, 11, 3, tzinfo=WIB)
MONTH = "2025-10"
PER_AGENT, PER_WADAH = 100, 50
"""Participants of an agent, agents of a Wadah."""
CONTRIBUTIONS, QUICK = 200_000, 5_000
TIMERS = ("incentive-runs", "incentive-statements", "incentive-wadah")
SPEC = Spec("B12", "", "kafka-1", passes=0.005, world_class=0.02, gated=False)
"""Told, not judged: one statement that only sums and a run that leaves an event behind for every line do not do the same work."""


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    """On the servers of the run."""
    stack = Stack(ground.stack.kafka.bootstrap, ground.admin_url, "", "", "bench")
    number = QUICK if ground.quick else CONTRIBUTIONS
    spec = replace(SPEC, broker=ground.broker)
    with open_folder() as folder:
        os.environ[stacks.FOLDER] = str(folder)
        return [await measured(stack, spec.quick() if ground.quick else spec, number, tell=ground.tell)]


async def measured(stack: Stack, spec: Spec, number: int, *, tell: Callable[[str], None]) -> Result:
    """Each side has a database of its own every time: a closed month is never run again, also when its round was void."""

    @asynccontextmanager
    async def month() -> AsyncIterator[Month]:
        async with harness(SERVICE, stack, clock=FakeClock(datetime(2025, 10, 31, 12, tzinfo=WIB))) as h:
            found = Month(h, number, tell)
            await found.fill()
            yield found

    async def numerator(_: int) -> Side:
        async with month() as found:
            return await found.run()

    async def denominator(_: int) -> Side:
        async with month() as found:
            return await found.sum_up()

    return await ratio(spec, numerator, denominator, tell=tell)


@dataclass
class Month:
    """One October with so many contributions."""

    h: Harness
    number: int
    tell: Callable[[str], None]

    async def fill(self) -> None:
        """Agreements, agents, payers and payments, as their projections would have written them."""
        began = time.monotonic()
        async with self._connection() as connection:
            for statement in _FILL:
                await connection.execute(statement, *self._sizes[: statement.count("$")])
            await connection.execute("ANALYZE")
        self.tell(f"B12: {self.number:,} contributions after {time.monotonic() - began:.0f} s")

    @property
    def _sizes(self) -> tuple[int, ...]:
        return (self.number, PER_AGENT, PER_WADAH)

    async def run(self) -> Side:
        """The service's own run of the month."""
        self.h.clock.set(CLOSED)
        before, began = await self.h.statements(), time.monotonic()
        worked = [await self.h.due(timer) for timer in (*TIMERS, TIMERS[0])]
        seconds, after = time.monotonic() - began, await self.h.statements()
        if not all(worked):
            raise NoResult(f"B12: a step of the run found nothing to do: {worked}")
        found, expected = await self._issued(), await self._summed()
        return Side(
            value=self.number / seconds,
            what="contributions computed, recorded and projected/s",
            items=self.number,
            warmup_s=0.0,
            measured_s=seconds,
            checks={"rupiah_differ": sum(abs(found[name] - expected[name]) for name in expected)},
            alongside={
                "statements_per_1000_lines": 1000 * (after[0] - before[0]) / (2 * self.number),
                "commits": float(after[1] - before[1]),
            },
        )

    async def sum_up(self) -> Side:
        """The same aggregation as one statement: heads, k, rates, threshold, sums per agent, share per Wadah."""
        began = time.monotonic()
        found = await self._summed()
        seconds = time.monotonic() - began
        return Side(
            value=self.number / seconds,
            what="contributions summed by one statement/s",
            items=self.number,
            warmup_s=0.0,
            measured_s=seconds,
            checks={"nothing_found": int(not found["agents_payable"])},
        )

    async def _summed(self) -> dict[str, int]:
        async with self._connection() as connection:
            row = await connection.fetchrow(PLAIN)
        assert row is not None
        return {name: int(row[name]) for name in row.keys()}  # noqa: SIM118 — a record iterates over its values

    async def _issued(self) -> dict[str, int]:
        async with self._connection() as connection:
            row = await connection.fetchrow(_ISSUED, MONTH)
        assert row is not None
        if not row["complete"]:
            raise NoResult("B12: the run is not complete")
        return {name: int(row[name]) for name in ("agents_payable", "share", "acquisitions", "received")}

    def _connection(self) -> _Connected:
        return _Connected(self.h.app.settings.database_url)


class _Connected:
    """A connection for a block."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: Any = None

    async def __aenter__(self) -> Any:
        self._open = await asyncpg.connect(self._url)
        return self._open

    async def __aexit__(self, *_: object) -> None:
        await self._open.close()


def _id(kind: int, number: str) -> str:
    """A fixed uuid of a kind of thing, from a number in SQL."""
    return f"('{kind:08d}-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


_AGENT, _WADAH = "((n - 1) / $2 + 1)", "((n - 1) / ($2 * $3) + 1)"
_CHARGE = f'[{{"month": "{MONTH}", "base": 1000000, "jkk": 10000, "jkm": 6800, "jht": 20000, "discounted": false}}]'
_FILL = (
    "INSERT INTO agreements (wadah_id, agreement, branch_id, name, agreement_number, scheme, term_from, term_to)"
    f" SELECT {_id(1, 'w')}, 1, {_id(9, '1')}, 'Wadah Contoh', 'PKS/' || w, 'NEW', '2025-01-01', '2027-12-31'"
    " FROM generate_series(1, ($1::int - 1) / ($2::int * $3::int) + 1) AS w",
    "INSERT INTO agents (agent_id, code, wadah_id, branch_id, participant_id, activated_at, duties)"
    f" SELECT {_id(2, 'a')}, 'PRS' || a, {_id(1, '((a - 1) / $3::int + 1)')}, {_id(9, '1')}, {_id(8, 'a')},"
    " '2025-10-01 00:00+07', '[[\"2025-10-01T00:00:00+07:00\", null]]'"
    " FROM generate_series(1, ($1::int - 1) / $2::int + 1) AS a",
    "INSERT INTO payers (participant_id, contribution_code, income, sector, programmes, funding_source, registration_expires_at,"
    " paid, paid_through, branch_id, wadah_id, agent_id, registered_by, credit, from_suspense, credited, new_to_bpu)"
    f" SELECT {_id(3, 'n')}, lpad(n::text, 13, '0'), 1000000, 'OTHER', '[\"JHT\", \"JKK\", \"JKM\"]', 'SELF', '2025-11-30 00:00+07',"
    f" '[[\"{MONTH}\", \"{MONTH}\"]]', '{MONTH}', {_id(9, '1')}, {_id(1, '((n - 1) / ($2::int * $3::int) + 1)')},"
    f" {_id(2, '((n - 1) / $2::int + 1)')}, {_id(2, '((n - 1) / $2::int + 1)')}, 0, 0, '[]', true"
    " FROM generate_series(1, $1::int) AS n",
    "INSERT INTO payments (payment_id, partner, channel_reference, channel, participant_id, bill_id, kind, amount, months,"
    " effective_at, posted_at)"
    f" SELECT {_id(4, 'n')}, 'bank-contoh', n::text, 'snap-va', {_id(3, 'n')}, {_id(5, 'n')}, 'FIRST', 36800, '{_CHARGE}',"
    " timestamptz '2025-10-02 08:00+07' + make_interval(secs => n % 2400000),"
    " timestamptz '2025-10-02 08:00+07' + make_interval(secs => n % 2400000) FROM generate_series(1, $1::int) AS n",
)
"""Written with $1 people, $2 per agent, $3 agents per Wadah, as far as a statement needs them."""

PLAIN = """
WITH lines AS (
  SELECT p.agent_id, y.participant_id, y.kind, p.new_to_bpu, charge ->> 'month' AS month, y.effective_at,
    (charge ->> 'jkk')::bigint + (charge ->> 'jkm')::bigint + (charge ->> 'jht')::bigint AS received,
    (charge ->> 'jht')::bigint > 0 AS with_jht,
    row_number() OVER (PARTITION BY y.participant_id, p.agent_id ORDER BY charge ->> 'month') AS k
  FROM payments y JOIN payers p USING (participant_id), jsonb_array_elements(y.months) AS charge
  WHERE y.reversed_for IS NULL AND y.kind IS NOT NULL
), month AS (
  SELECT * FROM lines WHERE effective_at >= '2025-10-01 00:00+07' AND effective_at < '2025-11-01 00:00+07'
), per_agent AS (
  SELECT agent_id, count(*) FILTER (WHERE kind = 'FIRST' AND new_to_bpu) AS heads,
    sum(CASE WHEN with_jht THEN 15000 ELSE 10000 END) FILTER (WHERE kind = 'FIRST' AND new_to_bpu) AS acquisition,
    sum(received) AS received, coalesce(sum(received) FILTER (WHERE k <= 24), 0) AS b15,
    coalesce(sum(received) FILTER (WHERE k BETWEEN 25 AND 60), 0) AS b5
  FROM month GROUP BY agent_id
), paid AS (
  SELECT a.wadah_id, heads, received,
    CASE WHEN heads >= 25 THEN acquisition ELSE 0 END + div(b15 * 1500, 10000) + div(b5 * 500, 10000) AS agent
  FROM per_agent JOIN agents a USING (agent_id)
), shares AS (SELECT wadah_id, div(sum(agent) * 1000, 10000) AS share FROM paid GROUP BY wadah_id)
SELECT (SELECT sum(agent) FROM paid)::bigint AS agents_payable, (SELECT sum(share) FROM shares)::bigint AS share,
  (SELECT sum(heads) FROM paid)::bigint AS acquisitions, (SELECT sum(received) FROM paid)::bigint AS received
"""
_ISSUED = (
    "SELECT sum(agents_payable)::bigint AS agents_payable, sum(share)::bigint AS share, sum(acquisitions)::bigint AS acquisitions,"
    " sum(received)::bigint AS received, (SELECT completed_at IS NOT NULL FROM incentive_runs WHERE month = $1) AS complete"
    " FROM wadah_statements WHERE month = $1"
)


def _alone(number: int) -> None:
    """One round by itself, on given servers or embedded ones."""
    with open_folder() as folder:
        os.environ.update({stacks.FOLDER: str(folder), stacks.CONTROLLER: str(os.getpid())})
        stack = stacks.find()
        try:
            result = asyncio.run(measured(stack, SPEC.quick(), number, tell=lambda text: print(text, flush=True)))
            stacks.drop_made(folder)
        finally:
            stacks.end(folder)
    print(f"ratio {result.ratio:.4f}; {result.alongside}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.b12_incentives")
    parser.add_argument("--contributions", type=int, default=CONTRIBUTIONS)
    _alone(parser.parse_args().contributions)
