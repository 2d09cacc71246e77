"""The mistake every fold may meet."""

from __future__ import annotations

from contracts.event import Event


class ImpossibleHistory(ValueError):
    """An event follows that its state cannot take: a mistake of the code that recorded it. Names types, never
    contents.
    """

    def __init__(self, state: object, event: Event) -> None:
        super().__init__(f"{type(event).__name__} cannot follow {type(state).__name__}")
