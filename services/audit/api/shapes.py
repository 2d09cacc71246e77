"""What the HTTP API gives. Payloads are as they were recorded: what was sealed in them stays sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from services.audit.domain.accounts import Subject
from services.audit.queries.order import Oddity


class RecordShown(BaseModel):
    """A Kafka record that carried the event, as the archive noted it on arrival: under no checkpoint, so proved by nothing. `verdict`: first,
    repeat, altered (other bytes under a known id), or of none of our events stranger; `hash`: base64, of its leaf.
    """

    topic: str
    partition: int
    offset: int
    written_at: datetime | None
    seen_at: datetime
    verdict: str
    hash: str


class EventShown(BaseModel):
    """`place`: its leaf in the tree, `leaf_hash` that leaf's hash (base64), `payload_sha256` (hex) that of the payload alone. `intact`: what finds
    the event here is what its leaf says; false means the archive was changed by hand, and a verification says where. Of a cold month whose file is
    not to be had only what finds the event is shown: `leaf_hash` is empty, `payload` null, and it is not intact.
    """

    place: int
    leaf_hash: str
    intact: bool
    event_id: UUID
    topic: str
    source: str
    stream: str
    key: str
    seq: int
    type: str
    version: int
    rules: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    correlation_id: UUID
    causation_id: UUID | None
    branch_id: UUID | None
    wadah_id: UUID | None
    agent_id: UUID | None
    participant_id: UUID | None
    bill_id: UUID | None
    payload: dict[str, Any] | None
    payload_sha256: str
    records: list[RecordShown]
    more_records: bool


class EventsShown(BaseModel):
    """`after`: ask again with it for the next page; null on the last one."""

    items: list[EventShown]
    after: int | None


class OddityShown(BaseModel):
    """A `gap` lacks the numbers from `seq` to `until`; a `double` has one number twice; an `early` event came before the one it follows on.

    An `altered` record has other bytes than the archived event whose id it carries (`event_id`, and its stream, key and number); a `stranger` is
    no event of ours, and `reason` says why. `record` is where it lies; nothing of what it holds is shown.
    """

    oddity: Oddity
    stream: str | None
    key: str | None
    seq: int | None
    until: int | None
    event_id: UUID | None
    reason: str | None
    record: RecordShown | None


class OdditiesShown(BaseModel):
    """`more`: there are others beyond these."""

    items: list[OddityShown]
    more: bool


class CheckpointShown(BaseModel):
    """`note` is the signed text (C2SP tlog-checkpoint) that anybody can check; `before`: size of the checkpoint before it."""

    log: str
    size: int
    root: str
    before: int
    signed_at: datetime
    note: str


class KeyShown(BaseModel):
    """Whose events made the state of the subject: the service that owns them folds them, as of that moment, at its `POST /ops/as-of`."""

    service: str
    stream: str
    key: str


class AccountShown(BaseModel):
    """What had been recorded of one subject by `at`, oldest first. `related`: events of the same chains that are about nobody, such as those of a
    collective bill, the first of them; `more_related`: there are others.
    """

    subject: Subject
    id: UUID
    at: datetime
    events: list[EventShown]
    related: list[EventShown]
    more_related: bool
    keys: list[KeyShown]
