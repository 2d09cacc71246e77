"""A cell is one fault under load and what must hold afterwards; the catalogue knows them all by id.

Ids are `<kind>.<fault or story>[.<action or service>]`, as in the report.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.ground import Ground

ALWAYS = ("I1", "I2", "I5", "I6", "I10", "I11")
"""What every cell on the estate lists at least."""


@dataclass
class Injected:
    """What was done. `ended_at`: monotonic, when the last fault was healed; `planted`: causes the checker must know (see checker).

    `until`: when the cell itself began to put things back as they were; what was seen from then on says nothing of the recovery.
    """

    planned: int
    fired: int
    unit: str
    ended_at: float
    until: float | None = None
    planted: dict[str, Any] = field(default_factory=dict)
    operator_actions: list[str] = field(default_factory=list)
    found: dict[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    """Violations that only the cell itself could see while it ran, by invariant."""
    counts: dict[str, int] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    """Figures of this act that the report gives with the fault's parameters."""
    standby: str = "none"
    """What followed PostgreSQL meanwhile: `sync`, `async`."""


class NotHere(Exception):
    """This fault cannot be made on this machine (mounts, say): the cell is absent, with this reason, and never hidden."""


Inject = Callable[["Ground"], Awaitable[Injected]]
Around = Callable[["Ground"], AbstractAsyncContextManager[None]]


def as_it_is(_: Ground) -> AbstractAsyncContextManager[None]:
    """Nothing is prepared."""
    return nullcontext()


@dataclass(frozen=True)
class Cell:
    """`registrations` people are registered at `per_s`, pay as soon as they are billed; `inject` runs meanwhile, all of it within `around`."""

    id: str
    fault: str
    service: str
    process: str
    inject: Inject
    action: str = "break"
    tiers: tuple[str, ...] = ("test", "long")
    invariants: tuple[str, ...] = ALWAYS
    budget_s: float = 30.0
    registrations: int = 150
    per_s: float = 20.0
    brokers: int = 1
    around: Around = as_it_is
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.id.partition(".")[0]


CATALOGUE: dict[str, Cell] = {}


def cell(
    id: str,
    *,
    fault: str,
    service: str,
    process: str,
    invariants: Sequence[str] = ALWAYS,
    **more: Any,
) -> Callable[[Inject], Inject]:
    """Enters a coroutine into the catalogue as the cell `id`."""

    def enter(inject: Inject) -> Inject:
        assert id not in CATALOGUE, f"{id} is there already"
        every = tuple(dict.fromkeys((*ALWAYS, *invariants)))
        CATALOGUE[id] = Cell(id, fault, service, process, inject, invariants=every, **more)
        return inject

    return enter
