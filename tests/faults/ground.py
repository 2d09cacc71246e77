"""What a cell stands on: an estate under load, a warden that starts again what dies, the drain, and the checker's verdict."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from chassis.clock import SystemClock
from deploy.local import places
from deploy.local.outreach import history
from deploy.local.trouble import Trouble
from tests.faults.driver import Driver
from tests.faults.insisting import insist
from tests.faults.journal import Journal
from tests.faults.spent import spend
from tests.faults.watch import ARCHIVED_PER_PERSON, AWAY, RECORDS_PER_PERSON, Watch
from tests.support.estate import SERVICES, Child, Estate, open_estate
from tests.support.eventually import eventually

AUDIT = "audit"
RESTART_AFTER_S = 1.0
"""How soon whatever keeps processes alive starts a dead one again (reliability.md, budgets)."""
DRAIN_WITHIN_S = 90.0
SEARCHES = ("I10",)
"""Invariants that read every byte there is."""
AGREE_WITHIN = timedelta(seconds=5)
"""Clocks asked one after the other, of months."""
_OUTAGES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx.HTTPError, Trouble)


@dataclass
class Ground:
    """One estate and what happened on it so far. `kills`: processes of ours that ended by SIGKILL, without those that a cell restarts itself."""

    estate: Estate
    driver: Driver
    folder: Path
    seed: int
    tier: str
    chance: random.Random
    watch: Watch
    kills: int = 0
    per_s: float = 0.0
    """The load just now, or the last there was: people who register in a second."""
    planted: dict[str, Any] = field(default_factory=dict)
    ends: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Of each process that ended, by its number: exit code, and when (monotonic)."""
    spared: set[str] = field(default_factory=set)
    """Processes that the warden leaves dead: a cell holds them down."""
    spent: bool = False
    """A cell left something here that no other cell could stand on."""
    settles: bool = False
    """Its bank sends files: from then on nothing is voided before two of them lack it (decision 111)."""
    _warding: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def random(self) -> random.Random:
        return self.chance

    @property
    def audited(self) -> bool:
        """Whether audit plays just now."""
        return AUDIT in self.estate.services

    @property
    def records_per_person(self) -> int:
        """What readers have to read of one person who registers and pays."""
        return RECORDS_PER_PERSON + (ARCHIVED_PER_PERSON if self.audited else 0)

    @asynccontextmanager
    async def load(self, registrations: int, *, per_s: float) -> AsyncIterator[None]:
        """People register and pay while the block runs; at its end all requests have their answers."""
        stop = asyncio.Event()
        paying = asyncio.create_task(self.driver.pay_as_billed(stop), name="payers")
        registering = asyncio.create_task(self.driver.register(registrations, per_s=per_s), name="registrants")
        try:
            yield
            await registering
        finally:
            stop.set()
            registering.cancel()
            await asyncio.gather(registering, paying, return_exceptions=True)

    def ward(self, child: Child) -> None:
        """A process that ended is started again after a second, without any fault of its own."""
        self.ends[child.pid] = (child.code or 0, child.ended_at)
        if child.name in self.spared:
            return
        if child.code == -signal.SIGKILL:
            self.kills += 1
        task = asyncio.create_task(self._revive(child.name), name=f"revive {child.name}")
        self._warding.add(task)
        task.add_done_callback(self._warding.discard)

    async def _revive(self, name: str) -> None:
        await asyncio.sleep(RESTART_AFTER_S)
        if not self.estate.running(name) and name not in self.spared:
            await self.estate.start(name)

    @asynccontextmanager
    async def held(self, *names: str) -> AsyncIterator[None]:
        """Within the block these processes are the cell's own: nobody starts them again."""
        self.spared |= set(names)
        try:
            yield
        finally:
            self.spared -= set(names)

    async def restart(self, *names: str, **environ: str) -> None:
        """Ends these processes and starts them with further variables; returns when all are ready."""
        async with self.held(*names):
            await asyncio.gather(*(self.estate.restart(name, **environ) for name in names))

    def remember(self, planted: Mapping[str, Any]) -> None:
        """Causes stay planted: what was parked or put aside is still there at the next verdict."""
        for name, found in planted.items():
            self.planted[name] = [*self.planted.get(name, []), *found] if isinstance(found, list) else found

    async def advance(self, days: int) -> None:
        """Business time of services and bank moves forward."""
        doors = self.estate.town.doors
        found = await doors.get("payments", "/ops/status", history.OPERATOR)
        at = datetime.fromisoformat(found["business_time"]) + timedelta(days=days)
        leap = SystemClock().wall().isoformat()
        self.remember({"leaps": [leap]})
        pair = {"at": at.isoformat(), "as_of": leap}
        for service in SERVICES:

            async def leaps(service: str = service) -> None:
                await doors.post(service, "/ops/clock", history.OPERATOR, pair)

            await insist(f"{service} lives {days} days later", leaps)
        for party in ("bank", "acquirer"):
            await doors.outside(party, "POST", "/clock", {"now": at.isoformat()})

    async def until_in_step(self) -> None:
        """Every process lives in the month that was played last; each looks for it twice a second."""
        headers = {"Authorization": f"Bearer {await self.estate.town.doors.token(history.OPERATOR)}"}

        async def told(name: str) -> datetime:
            answer = await self.estate.client.get(f"{self.estate.url(name)}/ops/status", headers=headers)
            return datetime.fromisoformat(answer.raise_for_status().json()["business_time"])

        async def agree() -> bool:
            try:
                times = await asyncio.gather(*(told(name) for name in self.estate.names))
            except httpx.HTTPError:  # a connection kept alive that the other side was just giving up
                return False
            return max(times) - min(times) < AGREE_WITHIN

        await eventually(agree, within_s=30, what="all clocks in step")

    async def operate(self, name: str, path: str) -> None:
        """An operator's POST to one process."""
        headers = {"Authorization": f"Bearer {await self.estate.town.doors.token(history.OPERATOR)}"}
        answer = await self.estate.client.post(self.estate.url(name) + path, headers=headers)
        answer.raise_for_status()

    async def until_well(self, *, within_s: float) -> None:
        """All processes ready, nothing unpublished for over a second; AssertionError when it does not come."""

        async def well() -> bool:
            _, ready, age, lag = await self.watch.look()
            return ready and age <= 1 and lag < AWAY

        await eventually(well, within_s=within_s, what="processes ready and events flowing again")

    async def drain(self, *, within_s: float = DRAIN_WITHIN_S, spare: Sequence[str] = ()) -> None:
        """Load has stopped; returns when everybody is billed, paid, protected and told, and nothing is on its way.

        The questions are asked one after the other. Only when no log grew from before the first to after the last do the answers hold at once: what
        becomes final between two of them has its event still to be published, read, archived and signed.

        `spare`: participant ids of whom that cannot be expected, because a cell parked them.
        """
        deadline = time.monotonic() + within_s
        why = "not asked yet"
        while time.monotonic() < deadline:
            with contextlib.suppress(*_OUTAGES):
                before = await self._recorded()
                why = await self._on_its_way({*spare})
                if not why and await self._recorded() == before:
                    return
                why = why or "events were recorded between the first question and the last"
            await asyncio.sleep(0.3)
        raise AssertionError(f"not drained within {within_s:.0f} s: {why}")

    async def _recorded(self) -> dict[str, int]:
        """How many events the log of each service has."""
        return {service: await self._count(service, _RECORDED, []) for service in self.estate.services}

    async def _on_its_way(self, spare: set[str]) -> str:
        """The first thing that is not at its end, or nothing."""
        bank = (await self.estate.town.doors.outside("bank", "GET", "/books"))["states"]
        if bank["unknown"]["count"]:
            await self.estate.town.doors.outside("bank", "POST", "/resolve")
        if bank["pending"]["count"] or bank["unknown"]["count"]:
            return f"the bank has {bank['pending']['count']} pending and {bank['unknown']['count']} unknown"
        if age := await self.watch.unpublished_age():
            return f"events unpublished for {age:.1f} s"
        if lag := await self.watch.lag():
            return f"{lag:.0f} records not consumed"
        if untold := [one for one in await self._scanned() if not one["told"]]:
            for code in untold:
                await self.estate.town.doors.outside("acquirer", "POST", f"/codes/{code['reference_no']}/tell", {})
            return f"the acquirer has told us of {len(untold)} payments in vain"
        if waiting := await self._count("payments", _NOT_MADE, []) or await self._count("payments", _UNSHARED, []):
            return f"{waiting} QR codes or shares of collective bills are not at their end"
        if waiting := await self._count("registration", _ORPHANED, []) or await self._count("payments", _UNNOTED, []):
            return f"{waiting} people of agents who left, or payouts that were confirmed, are not at their end"
        payers = (self.driver.payers | self.driver.paid_for) - spare
        paid = await self._which("payments", _PAID, payers)
        if owing := payers - paid - await self._which("registration", _EXPIRED, payers):
            await self.driver.pay_rest()
            return f"{len(owing)} have not paid"
        if bare := paid - await self._which("registration", _PROTECTED, paid):
            return f"{len(bare)} are not protected"
        for service in SERVICES:
            if waiting := await self._count(service, _TRIED_AGAIN, [*spare]):
                return f"{waiting} keys of {service} wait for a fact or a retry"
        if waiting := await self._count("notifications", _WAITING, [*spare]):
            return f"{waiting} messages are not at their end"
        if open_ := await self._count("registration", _IMPORTS, []) or len(self.driver.imports):
            await self.driver.learn()
            return f"{open_} imports are open"
        if await self._count("payments", _RUNS, []):
            return "incentives of months before are still computed"
        if self.audited and (waiting := await self._unsigned()):
            return f"{waiting} archived events are under no checkpoint that was published"
        return ""

    async def _unsigned(self) -> int:
        """Audit's own events wait for the next checkpoint: they alone bring about none."""
        newest = Path(self.estate.facts()["archive"]["folder"]) / "checkpoint"
        size = int(newest.read_text().split("\n")[1]) if newest.exists() else 0
        query = "SELECT count(*) AS n FROM archive WHERE source <> 'audit' AND place >= $1"
        return int((await self.estate.town.rows(AUDIT, query, size))[0]["n"])

    async def _scanned(self) -> list[dict[str, Any]]:
        """What wallets paid, as the acquirer's books have it."""
        found = await self.estate.town.doors.outside("acquirer", "GET", "/codes?status=00&limit=1000")
        return list(found["codes"])

    async def _which(self, service: str, query: str, ids: set[str]) -> set[str]:
        return {str(row["participant_id"]) for row in await self.estate.town.rows(service, query, [*ids])}

    async def _count(self, service: str, query: str, ids: Sequence[str]) -> int:
        found = await self.estate.town.rows(service, query, ids)
        return int(found[0]["n"])

    def broke(self, name: str, error: Exception) -> str:
        """What ended a cell before its verdict, in a word; where it happened lies among its artefacts."""
        (self._artefacts(name) / "error.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        return f"{type(error).__name__}: {error}"

    def _artefacts(self, name: str) -> Path:
        folder = self.folder / "cells" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def check(self, name: str, invariants: Sequence[str], planted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The checker's verdict, one entry per invariant asked for. AssertionError when it could not check.

        Two checkers look side by side: nothing else runs, and the search for personal data takes as long as all the rest.
        """
        folder = self._artefacts(name)
        told = folder / "planted.json"
        told.write_text(json.dumps(planted))
        facts = self.estate.write_facts(folder / "facts.json")
        halves = {
            "search": [n for n in invariants if n in SEARCHES],
            "verdict": [n for n in invariants if n not in SEARCHES],
        }
        looking = [self._look(folder / f"{half}.json", facts, told, only) for half, only in halves.items() if only]
        found = [one for half in await asyncio.gather(*looking) for one in half]
        return sorted(found, key=lambda one: int(one["id"].removeprefix("I")))

    async def _look(self, out: Path, facts: Path, told: Path, only: Sequence[str]) -> list[dict[str, Any]]:
        out.unlink(missing_ok=True)
        argv = ["-m", "tests.faults.checker", str(facts), str(self.driver.journal.path), "--planted", str(told)]
        argv += ["--only", ",".join(only), "--json", str(out)]
        checker = await asyncio.create_subprocess_exec(
            sys.executable, *argv, cwd=places.PROJECT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await checker.communicate()
        assert out.exists(), f"the checker could not check (exit {checker.returncode}): {said.decode()[-1500:]}"
        report = json.loads(out.read_text())
        for name, seconds in report["seconds"].items():
            spend(f"  of it {name}", seconds)
        found: list[dict[str, Any]] = report["invariants"]
        return found


_RECORDED = "SELECT count(*) AS n FROM event_log WHERE $1::text[] IS NOT NULL"
_PAID = "SELECT DISTINCT participant_id FROM payments WHERE participant_id = ANY($1::uuid[])"
_EXPIRED = "SELECT participant_id FROM participants WHERE participant_id = ANY($1::uuid[]) AND standing = 'EXPIRED'"
"""The calendar moved on before they came to the bank: nobody expects them any more, unless they paid."""
_PROTECTED = "SELECT participant_id FROM participants WHERE participant_id = ANY($1::uuid[]) AND standing NOT IN ('REGISTERED', 'EXPIRED')"
_WAITING = (
    "SELECT count(*) AS n FROM notifications WHERE state IN ('QUEUED', 'SENT') AND participant_id <> ALL($1::uuid[])"
)
_TRIED_AGAIN = "SELECT count(*) AS n FROM progress WHERE retry_at IS NOT NULL AND key <> ALL($1::text[])"
"""Parked, but not to stay."""
_RUNS = (
    "SELECT count(*) AS n FROM (SELECT occurred_at FROM event_log ORDER BY position DESC LIMIT 1) AS newest"
    " WHERE $1::text[] IS NOT NULL AND EXISTS (SELECT 1 FROM agents) AND NOT EXISTS (SELECT 1 FROM incentive_runs"
    "  WHERE completed_at IS NOT NULL AND month >="
    "   to_char(newest.occurred_at AT TIME ZONE 'Asia/Jakarta' - interval '3 days' - interval '1 month', 'YYYY-MM'))"
)
"""1 while the run of a month that is closed by business time (its statements come on the 3rd) is not complete."""
_NOT_MADE = "SELECT count(*) AS n FROM qr_codes WHERE state = 'REQUESTED' AND $1::text[] IS NOT NULL"
_UNSHARED = (
    "SELECT count(*) AS n FROM collective_bills WHERE $1::text[] IS NOT NULL AND (status = 'PAID' AND shares_posted < heads"
    " OR status = 'REVERSED' AND shares_reversed < shares_posted)"
)
_ORPHANED = (
    "SELECT count(*) AS n FROM participants JOIN agents USING (agent_id)"
    " WHERE agents.left_on IS NOT NULL AND $1::text[] IS NOT NULL"
)
_UNNOTED = (
    "SELECT count(*) AS n FROM wadah_statements s JOIN transfer_orders t ON t.order_id = s.order_id"
    " WHERE t.status = 'CONFIRMED' AND s.paid_at IS NULL AND $1::text[] IS NOT NULL"
)
_IMPORTS = "SELECT count(*) AS n FROM imports WHERE finished_at IS NULL AND $1::text[] IS NOT NULL"


@asynccontextmanager
async def open_ground(folder: Path, journal: Path, *, seed: int, tier: str, brokers: int = 1) -> AsyncIterator[Ground]:
    """An estate of its own, its history played and drained. `journal` lies outside of `folder`, which is searched."""
    async with open_estate(folder, brokers=brokers, links=True) as estate:
        chance = random.Random(seed)
        driver = Driver(estate, Journal(journal), chance)
        watch = Watch(estate)
        ground = Ground(estate, driver, folder, seed, tier, chance, watch)
        estate.told = ground.ward
        try:
            await ground.drain()
            await ground.until_in_step()
            yield ground
        finally:
            ground.spared |= {*estate.names}
            driver.journal.close()
            await watch.forget()
            await _end_at_once(estate)


async def _end_at_once(estate: Estate) -> None:
    """Everything was judged and the folder is thrown away: nobody has to finish what he has in hand. PostgreSQL alone ends in order: what it shares
    of the machine's memory would stay."""
    await asyncio.gather(*(estate.kill(name) for name in estate.names))
    await asyncio.gather(*(estate.stack.kill(name) for name in (*estate.stack.brokers, *estate.stack.outside)))
