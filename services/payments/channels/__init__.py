"""The port of money: whatever brings payments is a channel, one module here that gives `CHANNEL`, and is named in the settings.

A channel opens doors, timers or workers of its own; money that came through it and cannot be refused goes in by `Port.arrived`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from chassis.door import Door
from chassis.service import App, Composition
from services.payments.commands.arrive import Arrival, Arrived, BookArrivals
from services.payments.parameters import Parameters
from services.payments.registry import Registry


class Port:
    """What a channel is given: the process it lives in, who may call, what is law, and where its money goes."""

    def __init__(self, app: App, registry: Registry, parameters: Parameters) -> None:
        self.app, self.registry, self.parameters = app, registry, parameters
        self._arrivals: Door[Arrival, Arrived] = app.door(BookArrivals(parameters))

    async def arrived(self, arrival: Arrival) -> Arrived:
        """Books money that came, once per partner and reference over all channels. Raises Unavailable: tell it again."""
        return await self._arrivals.submit(arrival)


class Channel(Protocol):
    """One way of paying. `name` stands as `channel` on the payments that came through it."""

    @property
    def name(self) -> str: ...

    def open(self, port: Port) -> Composition:
        """Its doors, timers and workers in this process."""


class UnknownChannel(LookupError):
    """The settings name a channel that has no module."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The parts of all channels of a process."""

    parts: tuple[Composition, ...]

    @classmethod
    def of(cls, port: Port, names: Iterable[str]) -> Opened:
        """Raises UnknownChannel."""
        return cls(tuple(_channel(name).open(port) for name in names))

    @property
    def together(self) -> Composition:
        return Composition(
            routers=[router for part in self.parts for router in part.routers],
            timers=[timer for part in self.parts for timer in part.timers],
            workers={name: worker for part in self.parts for name, worker in part.workers.items()},
            edges={prefix: edge for part in self.parts for prefix, edge in part.edges.items()},
        )


def _channel(name: str) -> Channel:
    try:
        found: Channel = import_module(f"{__name__}.{name}").CHANNEL
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise UnknownChannel(f"there is no channel {name}: name modules of {__name__} in PERISAI_CHANNELS") from None
    return found
