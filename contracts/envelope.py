"""The envelope of every event: CloudEvents 1.0 attributes and our extensions, carried as `ce_*` headers in Kafka
binary mode.
 The record's key is the event's own key (`ce_subject`); its value is the JSON payload alone. (stream, key, seq) names
an event within the whole system: seq is 1, 2, 3 … without holes, so a reader proves order by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"


class BadEnvelope(ValueError):
    """A record whose headers are not one of our envelopes; the text names the header and never quotes its value."""


class Envelope(NamedTuple):
    """Who says what about which thing, when, and because of what. Instants are aware UTC. Give the fields by name.

    A tuple, as three are made for every event: a frozen dataclass of 17 fields costs three times as much.
    """

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
        optional = (
            ("ce_causationid", self.causation_id, _bytes),
            ("ce_branchid", self.branch_id, _same_bytes),
            ("ce_wadahid", self.wadah_id, _same_bytes),
            ("ce_agentid", self.agent_id, _same_bytes),
            ("ce_traceparent", self.traceparent, _bytes),
        )
        return [
            ("ce_specversion", SPEC_VERSION.encode()),
            ("ce_id", _bytes(self.event_id)),
            ("ce_source", _same_bytes(f"/perisai/{self.source}")),
            ("ce_type", _same_bytes(self.type)),
            ("ce_subject", self.key.encode()),
            ("ce_time", self.occurred_at.isoformat().encode()),
            ("ce_dataschema", _same_bytes(schema_uri(self.type, self.version))),
            ("ce_stream", _same_bytes(self.stream)),
            ("ce_seq", _bytes(self.seq)),
            ("ce_rules", _same_bytes(self.rules)),
            ("ce_recordedat", self.recorded_at.isoformat().encode()),
            ("ce_actor", self.actor.encode()),
            ("ce_correlationid", _bytes(self.correlation_id)),
            *((name, encoded(value)) for name, value, encoded in optional if value is not None),
            ("content-type", CONTENT_TYPE.encode()),
        ]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
        """Reads what `to_headers` wrote; foreign headers are ignored. Raises BadEnvelope naming the first header that
        is missing or unreadable."""
        found = _texts(headers)
        try:
            return cls._read(found)
        except KeyError as missing:
            raise BadEnvelope(f"{missing.args[0]} is missing") from None

    @classmethod
    def _read(cls, found: Mapping[str, str]) -> Envelope:
        """Raises KeyError with the name of what is missing, or BadEnvelope."""
        if found["ce_specversion"] != SPEC_VERSION:
            raise BadEnvelope("ce_specversion is not 1.0")
        source = found["ce_source"]
        if not source.startswith("/perisai/"):
            raise BadEnvelope("ce_source is not a service of ours")
        seq = _integer(found["ce_seq"], "ce_seq")
        type_, version = _schema(found["ce_dataschema"])
        if type_ != found["ce_type"]:
            raise BadEnvelope("ce_dataschema and ce_type disagree")
        return cls(
            event_id=_uuid(found["ce_id"], "ce_id"),
            source=source.removeprefix("/perisai/"),
            stream=found["ce_stream"],
            key=found["ce_subject"],
            seq=seq,
            type=type_,
            version=version,
            rules=found["ce_rules"],
            occurred_at=_instant(found["ce_time"], "ce_time"),
            recorded_at=_instant(found["ce_recordedat"], "ce_recordedat"),
            actor=found["ce_actor"],
            correlation_id=_uuid(found["ce_correlationid"], "ce_correlationid"),
            causation_id=_uuid(found["ce_causationid"], "ce_causationid") if "ce_causationid" in found else None,
            branch_id=_scope(found, "ce_branchid"),
            wadah_id=_scope(found, "ce_wadahid"),
            agent_id=_scope(found, "ce_agentid"),
            traceparent=found.get("ce_traceparent"),
        )


def _bytes(value: object) -> bytes:
    return str(value).encode()


_same_bytes = lru_cache(maxsize=4_096)(_bytes)
"""For what few values are given to very many events: types, rules, branches."""


@lru_cache(maxsize=1_024)
def schema_uri(type_: str, version: int) -> str:
    """The `dataschema` attribute of a type and version; the JSON Schema snapshot has the same name."""
    return f"perisai:schemas/{type_}/{version}"


_OURS = frozenset(
    {
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_subject",
        "ce_time",
        "ce_dataschema",
        "ce_stream",
        "ce_seq",
        "ce_rules",
        "ce_recordedat",
        "ce_actor",
        "ce_correlationid",
        "ce_causationid",
        "ce_branchid",
        "ce_wadahid",
        "ce_agentid",
        "ce_traceparent",
    }
)


def _texts(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """The headers that are ours, by name in lower case; the last of two of one name counts, an absent value is none."""
    found: dict[str, str] = {}
    for given, value in headers:
        name = given if given in _OURS else given.lower()
        if value is None or name not in _OURS:
            continue
        try:
            found[name] = value.decode()
        except UnicodeDecodeError:
            raise BadEnvelope(f"{name} is not UTF-8") from None
        if not value:
            raise BadEnvelope(f"{name} is empty")
    return found


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


_SAME_AGAIN = lru_cache(maxsize=4_096)(_uuid)


def _scope(found: Mapping[str, str], name: str) -> UUID | None:
    """Few branches, Wadah and agents, each in very many events."""
    return _SAME_AGAIN(found[name], name) if name in found else None


def _instant(text: str, name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadEnvelope(f"{name} is not an ISO 8601 instant") from None
    if instant.tzinfo is None:
        raise BadEnvelope(f"{name} has no offset")
    return instant
