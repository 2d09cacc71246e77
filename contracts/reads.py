"""Who looked at whose data. Here and not among the events of one service, because every service records it, through the chassis."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from contracts.event import Event, Part
from contracts.values import ShortText


class Opened(Part):
    """Some cells of one kind, of whoever they are: never what stands in them."""

    kind: ShortText
    """Where they are kept, as docs/erasure.md names it: a table, or `dead-letters`."""
    fields: Annotated[tuple[ShortText, ...], Field(max_length=100)]
    persons: tuple[UUID, ...] = ()
    """Participants whose data it is, each once."""
    things: tuple[ShortText, ...] = ()
    """What else was opened: ids of an agent, a payee account, a dispute, or the place of a dead letter."""


class PersonalDataRead(Event, stream="reads", each_service=True):
    """One answer gave personal data to the actor, who was let in under `roles`, through `door` (method and path, or a command). Durable
    before the answer was sent.
    """

    door: ShortText
    roles: Annotated[tuple[ShortText, ...], Field(max_length=100)] = ()
    opened: Annotated[tuple[Opened, ...], Field(max_length=100)]
