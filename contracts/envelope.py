"""The envelope of every event: CloudEvents 1.0 attributes and our extensions, carried as `ce_*` headers in Kafka
binary mode.
 The record's key is the event's own key (`ce_subject`); its value is the JSON payload alone. (stream, key, seq) names
an event within the whole system: seq is 1, 2, 3 … without holes, so a reader proves order by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"


class BadEnvelope(ValueError):
    """A record whose headers are not one of our envelopes; the text names the header and never quotes its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who says what about which thing, when, and because of what. Instants are aware UTC."""

    event_id: UUID
    source: str
    """The service that owns the stream, e.g. "registration"."""
    stream: str
    key: str
    seq: int
    type: str
    version: int
    rules: str
    """The dated rule set under which it was decided, e.g. "bpu-contribution/2026-04"."""
    occurred_at: datetime
    """Business time."""
    recorded_at: datetime
    """Wall time of the durable write."""
    actor: str
    correlation_id: UUID
    causation_id: UUID | None = None
    branch_id: UUID | None = None
    wadah_id: UUID | None = None
    agent_id: UUID | None = None
    traceparent: str | None = None

    def to_headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers, in a fixed order; absent attributes are left out."""
        attributes: dict[str, object] = {
            "ce_specversion": SPEC_VERSION,
            "ce_id": self.event_id,
            "ce_source": f"/perisai/{self.source}",
            "ce_type": self.type,
            "ce_subject": self.key,
            "ce_time": self.occurred_at.isoformat(),
            "ce_dataschema": schema_uri(self.type, self.version),
            "ce_stream": self.stream,
            "ce_seq": self.seq,
            "ce_rules": self.rules,
            "ce_recordedat": self.recorded_at.isoformat(),
            "ce_actor": self.actor,
            "ce_correlationid": self.correlation_id,
            "ce_causationid": self.causation_id,
            "ce_branchid": self.branch_id,
            "ce_wadahid": self.wadah_id,
            "ce_agentid": self.agent_id,
            "ce_traceparent": self.traceparent,
            "content-type": CONTENT_TYPE,
        }
        return [(name, str(value).encode()) for name, value in attributes.items() if value is not None]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
        """Reads what `to_headers` wrote; foreign headers are ignored. Raises BadEnvelope naming the first header that
        is missing or unreadable."""
        found = {name.lower(): value for name, value in headers if value is not None}
        if _text(found, "ce_specversion") != SPEC_VERSION:
            raise BadEnvelope("ce_specversion is not 1.0")
        source = _text(found, "ce_source")
        if not source.startswith("/perisai/"):
            raise BadEnvelope("ce_source is not a service of ours")
        seq = _integer(_text(found, "ce_seq"), "ce_seq")
        type_, version = _schema(_text(found, "ce_dataschema"))
        if type_ != _text(found, "ce_type"):
            raise BadEnvelope("ce_dataschema and ce_type disagree")
        return cls(
            event_id=_uuid(_text(found, "ce_id"), "ce_id"),
            source=source.removeprefix("/perisai/"),
            stream=_text(found, "ce_stream"),
            key=_text(found, "ce_subject"),
            seq=seq,
            type=type_,
            version=version,
            rules=_text(found, "ce_rules"),
            occurred_at=_instant(_text(found, "ce_time"), "ce_time"),
            recorded_at=_instant(_text(found, "ce_recordedat"), "ce_recordedat"),
            actor=_text(found, "ce_actor"),
            correlation_id=_uuid(_text(found, "ce_correlationid"), "ce_correlationid"),
            causation_id=_optional_uuid(found, "ce_causationid"),
            branch_id=_scope(found, "ce_branchid"),
            wadah_id=_scope(found, "ce_wadahid"),
            agent_id=_scope(found, "ce_agentid"),
            traceparent=_text(found, "ce_traceparent") if "ce_traceparent" in found else None,
        )


def schema_uri(type_: str, version: int) -> str:
    """The `dataschema` attribute of a type and version; the JSON Schema snapshot has the same name."""
    return f"perisai:schemas/{type_}/{version}"


def _text(found: Mapping[str, bytes], name: str) -> str:
    try:
        value = found[name].decode()
    except KeyError:
        raise BadEnvelope(f"{name} is missing") from None
    except UnicodeDecodeError:
        raise BadEnvelope(f"{name} is not UTF-8") from None
    if not value:
        raise BadEnvelope(f"{name} is empty")
    return value


def _integer(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text) > 0):
        raise BadEnvelope(f"{name} is not a positive whole number")
    return int(text)


@lru_cache(maxsize=1_024)
def _schema(uri: str) -> tuple[str, int]:
    prefix, _, rest = uri.partition("/")
    type_, _, version = rest.partition("/")
    if prefix != "perisai:schemas" or not type_:
        raise BadEnvelope("ce_dataschema is not one of ours")
    return type_, _integer(version, "ce_dataschema")


def _uuid(text: str, name: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadEnvelope(f"{name} is not a UUID") from None


def _optional_uuid(found: Mapping[str, bytes], name: str) -> UUID | None:
    return _uuid(_text(found, name), name) if name in found else None


_SAME_AGAIN = lru_cache(maxsize=4_096)(_uuid)


def _scope(found: Mapping[str, bytes], name: str) -> UUID | None:
    """Few branches, Wadah and agents, each in very many events."""
    return _SAME_AGAIN(_text(found, name), name) if name in found else None


def _instant(text: str, name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadEnvelope(f"{name} is not an ISO 8601 instant") from None
    if instant.tzinfo is None:
        raise BadEnvelope(f"{name} has no offset")
    return instant
