"""An act whose load was turned away proves nothing, however well all ends: it is an error, and says by what its people were refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from tests.faults.cells import Injected
from tests.faults.driver import Driver
from tests.faults.ground import Ground
from tests.faults.results import Played, now
from tests.faults.stage import play
from tests.unit.faults.test_results import held


class Town:
    """Somebody whose every form is as good as the others."""

    cast = SimpleNamespace(agents=["agent"])

    def form(self) -> dict[str, str]:
        return {}


class Stage:
    """A ground on which nothing breaks; registrations are answered with this status, everything else is well."""

    def __init__(self, status: int) -> None:
        self.watch, self.samples, self.planted, self.per_s = self, list[Any](), dict[str, Any](), 0.0
        self.records_per_person = 15
        journal = SimpleNamespace(person=lambda number, form: None)
        chance = SimpleNamespace(random=lambda: 1.0, choice=lambda of: of[0], getrandbits=lambda bits: 0)
        self.driver = Driver(cast(Any, SimpleNamespace(town=Town())), cast(Any, journal), cast(Any, chance))

        async def insist(*_: Any) -> httpx.Response:
            return httpx.Response(status, json={"participant_id": "p", "contribution_code": "c"})

        cast(Any, self.driver)._insist = insist

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stage]:
        yield self

    def well(self, *, since: float, per_s: float) -> bool:
        return True

    @asynccontextmanager
    async def load(self, registrations: int, *, per_s: float) -> AsyncIterator[None]:
        yield
        await self.driver.register(registrations, per_s=per_s)

    async def drain(self, *, spare: Any) -> None: ...

    def remember(self, planted: Mapping[str, Any]) -> None: ...

    async def check(self, *_: Any) -> list[dict[str, Any]]:
        return [held()]


async def act(stage: Stage) -> Played:
    async def nothing() -> Injected:
        return Injected(1, 1, "kill", now())

    return await play(cast(Ground, stage), "cell", nothing, registrations=3, per_s=1_000, budget_s=6, invariants=["I1"])


async def test_people_who_are_refused_make_an_error_of_the_act() -> None:
    with pytest.raises(AssertionError, match=r"refused, by status: \{422: 3\}"):
        await act(Stage(422))


async def test_people_who_are_registered_do_not_and_what_was_refused_in_an_act_before_is_not_its_fault() -> None:
    stage = Stage(201)
    stage.driver.refused[422] = 5
    assert (await act(stage)).registrations == 1
