"""Base of every event, and the catalogue that finds an event's class by type and version.
 Producers construct events (unknown fields are an error); readers go through the catalogue (unknown fields are
ignored, older versions are lifted by upcasters). A payload is validated once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError

from contracts.sealed import Sealer, Witness

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the payload of one version into that of the next; pure, never guesses what it cannot know."""


class UnknownType(LookupError):
    """No contract of this type: the reader is older than the writer, or the record is a stranger's."""


class UnknownVersion(LookupError):
    """The type is known, this version is not: readers are deployed before writers."""


class InvalidPayload(ValueError):
    """The payload does not fit its contract. Names the fields, never their values."""


class Part(BaseModel):
    """Base of events and of what stands inside them: never changed, and with no other fields than their own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Event(Part):
    """A fact in the past tense. Declare as `class ParticipantRegistered(Event, stream="participants")`; one that `each_service` records has a
    stream per service."""

    type: ClassVar[str]
    stream: ClassVar[str]
    version: ClassVar[int]
    each_service: ClassVar[bool] = False

    def __init_subclass__(
        cls, *, stream: str, type: str = "", version: int = 1, each_service: bool = False, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.stream, cls.type, cls.version, cls.each_service = stream, type or cls.__name__, version, each_service

    @classmethod
    def stream_of(cls, service: str) -> str:
        """The stream on which this service records it."""
        return f"{cls.stream}-{service}" if cls.each_service else cls.stream

    def encode(self, sealer: Sealer) -> bytes:
        """The JSON payload, personal data sealed. Raises what the sealer raises."""
        witness = Witness(sealer)
        try:
            return self.model_dump_json(context=witness).encode()
        except PydanticSerializationError:
            if witness.failure is not None:
                raise witness.failure from None
            raise

    @classmethod
    def decode(cls, payload: bytes, sealer: Sealer) -> Self:
        """Reads a payload of exactly this version. Raises InvalidPayload."""
        try:
            return cls.model_validate_json(payload, context=sealer, extra="ignore")
        except ValidationError as error:
            raise InvalidPayload(_fields(error)) from None

    @classmethod
    def lift(cls, payload: dict[str, Any], sealer: Sealer) -> Self:
        """As `decode`, from a payload that upcasters have already brought to this version."""
        return cls.decode(json.dumps(payload).encode(), sealer)


def _fields(error: ValidationError) -> str:
    return ", ".join(sorted({".".join(map(str, e["loc"])) or "payload" for e in error.errors(include_input=False)}))


class Catalogue:
    """All event classes a process knows, by (type, version), with the topic of each stream and the service that owns
    it."""

    def __init__(
        self,
        events: Iterable[type[Event]],
        *,
        topics: Mapping[str, str],
        owners: Mapping[str, str],
        partitions: int = 0,
    ) -> None:
        """`topics`: stream → topic without prefix; `owners`: stream → service allowed to write it; `partitions` of every
        topic, for good (0: not said)."""
        self.topics, self.owners, self.partitions = dict(topics), dict(owners), partitions
        self._classes: dict[tuple[str, int], type[Event]] = {}
        self._latest: dict[str, int] = {}
        self._upcasters: dict[tuple[str, int], Upcaster] = {}
        for event in events:
            self._classes[event.type, event.version] = event
            self._latest[event.type] = max(event.version, self._latest.get(event.type, 0))

    @property
    def events(self) -> list[type[Event]]:
        """Every class, oldest version first, by type."""
        return [self._classes[name] for name in sorted(self._classes)]

    def streams(self, event: type[Event]) -> list[str]:
        """Those on which this event may stand."""
        return [stream for stream, owner in self.owners.items() if stream == event.stream_of(owner)]

    def check(self, type_: str, version: int) -> None:
        """Raises UnknownType or UnknownVersion unless this type and version can be decoded."""
        if type_ not in self._latest:
            raise UnknownType(type_)
        if (type_, version) not in self._classes:
            raise UnknownVersion(f"{type_} version {version}")

    def upcast(self, type_: str, version: int, by: Upcaster) -> None:
        """Registers how a payload of (type, version) becomes one of version + 1."""
        self._upcasters[type_, version] = by

    def missing_upcasters(self) -> list[tuple[str, int]]:
        """Every (type, version) older than the newest of its type that no upcaster leads on from."""
        return [
            (type_, version)
            for type_, latest in sorted(self._latest.items())
            for version in range(1, latest)
            if (type_, version) not in self._upcasters
        ]

    def decode(self, type_: str, version: int, payload: bytes, sealer: Sealer) -> Event:
        """The event in its newest version. Raises UnknownType, UnknownVersion or InvalidPayload."""
        self.check(type_, version)
        latest = self._latest[type_]
        event = self._classes[type_, version].decode(payload, sealer)
        if version == latest:
            return event
        data = json.loads(payload)  # valid by its own contract, which is all an upcaster may rely on
        for step in range(version, latest):
            data = self._upcasters[type_, step](data)
        return self._classes[type_, latest].lift(data, sealer)
