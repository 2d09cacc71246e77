"""The cells that share an estate, one after the other: crash rounds, points with a stage of their own, environment faults, random kills."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.faults.apart import play_apart
from tests.faults.archiving import play_archiving
from tests.faults.cells import CATALOGUE, Cell, NotHere
from tests.faults.crash import play_round
from tests.faults.ground import Ground
from tests.faults.grounds import Grounds
from tests.faults.kills import play_kills
from tests.faults.points import ABSENT, APART, AUDITED, POINTS, ROUNDS, SMOKE, TAKEN_BACK, Point
from tests.faults.results import Fault, Result
from tests.faults.stage import play
from tests.faults.terminal import line

Play = Callable[[Sequence[Point], str], Awaitable[list[Result]]]
"""One act of these points."""


@dataclass(frozen=True)
class Sizes:
    """How much load a tier puts under each act: what two cores carry with twenty processes of ours on them, so that a queue is the fault's."""

    round_registrations: int
    round_per_s: float
    kills: int
    kills_per_s: float
    actions: tuple[str, ...]


SIZES = {
    "test": Sizes(180, 12, 30, 12, ("kill",)),
    "long": Sizes(300, 12, 150, 15, ("kill", "term", "stop")),
}
SMOKE_KILLS = 6
KILLS_AT_ONCE = 75
"""Random kills per verdict: a violation is found near the kill that caused it."""


class Lane:
    """`results` grow as cells end; `tell` gets a line for each. `patience` multiplies recovery budgets, for a run that shares its machine.

    `brokers`: under crash points and random kills; an environment cell says itself how many it wants.
    """

    def __init__(
        self, grounds: Grounds, *, tier: str, tell: Callable[[str], None], patience: float = 1.0, brokers: int = 1
    ) -> None:
        self._grounds, self._tier, self._tell, self._patience, self._brokers = grounds, tier, tell, patience, brokers
        self._sizes = SIZES[tier]
        self.results: list[Result] = []

    async def crash(self, actions: Sequence[str] | None = None) -> None:
        """All points, packed into rounds; a round that does not pass is played again cell by cell."""
        for action in actions or self._sizes.actions:
            for number in ROUNDS:
                points = [point for point in POINTS if point.round == number]
                results = await self._round(points, action)
                self._enter(await self._alone(points, action, results))
            for point_id in APART:
                self._enter([await self._one(play_apart(await self._get(), point_id, action, patience=self._patience))])
            results = await self._archiving(AUDITED, action)
            self._enter(await self._alone(AUDITED, action, results, again=self._archiving))
            self._enter([_absent(name, action, why) for name, why in ABSENT.items()])

    async def smoke(self) -> None:
        """One packed round and a few random kills: what every test run plays."""
        self._enter(await self._round([point for point in POINTS if point.id in SMOKE], "kill"))
        ground = await self._get()
        self._enter([await self._one(play_kills(ground, SMOKE_KILLS, per_s=25, patience=self._patience))])

    async def environment(self, brokers: int) -> None:
        """The cells of this tier that want so many brokers."""
        for cell in CATALOGUE.values():
            if self._tier in cell.tiers and cell.brokers == brokers:
                self._enter([await self.play(cell)])

    async def kills(self, number: int | None = None) -> None:
        """Random SIGKILL in portions, each with its own verdict."""
        left = number or self._sizes.kills
        while left > 0:
            portion = min(left, KILLS_AT_ONCE)
            ground = await self._get()
            self._enter(
                [await self._one(play_kills(ground, portion, per_s=self._sizes.kills_per_s, patience=self._patience))]
            )
            left -= portion

    async def single(self, name: str, kills: int | None = None) -> bool:
        """One cell by its id, `kills` of them if it is random; False when it is none of this lane."""
        kind, _, rest = name.partition(".")
        point_id, _, action = rest.partition(".")
        wanted = point_id.split("+")
        points = [point for point in POINTS if point.id in wanted]
        audited = [point for point in AUDITED if point.id in wanted]
        if kind == "crash" and len(points) == len(wanted):
            self._enter(await self._round(points, action or "kill"))
        elif kind == "crash" and len(audited) == len(wanted):
            self._enter(await self._archiving(audited, action or "kill"))
        elif kind == "crash" and point_id in APART:
            self._enter(
                [await self._one(play_apart(await self._get(), point_id, action or "kill", patience=self._patience))]
            )
        elif kind == "random":
            await self.kills(kills)
        elif name in CATALOGUE:
            self._enter([await self.play(CATALOGUE[name])])
        else:
            return False
        return True

    async def _get(self) -> Ground:
        return await self._grounds.get(brokers=self._brokers)

    async def play(self, cell: Cell) -> Result:
        """One environment cell."""
        ground = await self._grounds.get(brokers=cell.brokers)
        fault = Fault(cell.fault, cell.action, cell.process, cell.params)
        result = Result(cell.id, cell.service, cell.process, fault, ground.seed, planned=1)
        result.per_s, result.budget_s = cell.per_s, cell.budget_s * self._patience
        await self._fill(ground, cell, result)
        await self._spoilt([result])
        return result

    async def _fill(self, ground: Ground, cell: Cell, result: Result) -> None:
        kills = ground.kills
        try:
            async with cell.around(ground):
                played = await play(
                    ground,
                    cell.id,
                    lambda: cell.inject(ground),
                    registrations=cell.registrations,
                    per_s=cell.per_s,
                    budget_s=cell.budget_s * self._patience,
                    invariants=cell.invariants,
                )
        except NotHere as missing:
            result.absent = str(missing)
            return
        except Exception as error:
            result.error = ground.broke(cell.id, error)
            return
        result.take(played)
        result.counts |= {"kills": ground.kills - kills, **played.injected.counts}
        self._grounds.followed_by(played.injected.standby)

    async def _round(self, points: Sequence[Point], action: str) -> list[Result]:
        ground, sizes = await self._get(), self._sizes
        if ground.settles and any(TAKEN_BACK in point.needs for point in points):
            await self._grounds.leave()
            ground = await self._get()
        results = await play_round(
            ground,
            points,
            action,
            registrations=sizes.round_registrations,
            per_s=sizes.round_per_s,
            patience=self._patience,
        )
        await self._spoilt(results)
        return results

    async def _archiving(self, points: Sequence[Point], action: str) -> list[Result]:
        results = await play_archiving(await self._get(), points, action, patience=self._patience)
        await self._spoilt(results)
        return results

    async def _alone(
        self, points: Sequence[Point], action: str, results: list[Result], *, again: Play | None = None
    ) -> list[Result]:
        """After a violation each cell of the round on its own, to see whose it is; of a fault that did not fire, that cell alone.

        A violation does not vanish because it does not come again: the round stays in the report, as a cell of its own.
        """
        violated = any(result.status == "fail" for result in results)
        suspect = [p for p, result in zip(points, results, strict=True) if violated or result.status != "pass"]
        if not suspect or len(points) == 1:
            return results
        worst = next(result for result in results if result.status != "pass")
        worst.replay_with = self._asked(worst)
        self._tell(f"{line(worst)}\n    of this round alone: {', '.join(point.id for point in suspect)}")
        play_again = again or self._round
        alone = {point.id: (await play_again([point], action))[0] for point in suspect}
        found = [alone.get(point.id, result) for point, result in zip(points, results, strict=True)]
        # Lateness alone is a matter of the cores that all of them share; nothing else is.
        if any(one["violations"] for one in worst.invariants if one["id"] != "I11"):
            found.append(replace(worst, cell=f"crash.{'+'.join(point.id for point in points)}.{action}", counts={}))
        return found

    async def _one(self, playing: Coroutine[Any, Any, Result]) -> Result:
        result = await playing
        await self._spoilt([result])
        return result

    async def _spoilt(self, results: Sequence[Result]) -> None:
        """What a cell left behind when it did not pass must not be held against the next one."""
        for result in results:
            if result.status not in ("pass", "absent"):
                self._grounds.keep(result.cell)
        if any(result.status not in ("pass", "absent") for result in results):
            await self._grounds.leave()

    def _enter(self, results: Sequence[Result]) -> None:
        self.results += results
        for result in results:
            result.replay_with = self._asked(result)
            if result.status != "absent":
                self._tell(line(result))

    def _asked(self, result: Result) -> dict[str, object]:
        """What `make faults` has to be told for the same act."""
        told: dict[str, object] = {"TIER": "long"} if self._tier == "long" else {}
        if result.kind == "random":
            told["KILLS"] = result.planned
        if self._brokers > 1 and result.cell not in CATALOGUE:
            told["BROKERS"] = self._brokers
        return told | ({"PATIENCE": f"{self._patience:g}"} if self._patience != 1 else {})


def _absent(point: str, action: str, why: str) -> Result:
    fault = Fault(point, action, "process", {})
    return Result(f"crash.{point}.{action}", "not built yet", "", fault, 0, absent=why)
