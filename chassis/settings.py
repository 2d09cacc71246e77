"""Settings of a service process, from the environment alone; a process that is set up dangerously does not start.
 Services extend `Settings` with their own variables. `load` turns every fault into one sentence that names the
variable and never quotes a value."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chassis.privacy.derive import MASTER_KEY_BYTES
from chassis.telemetry.logs import LogFormat, LogLevel

PREFIX = "PERISAI_"
NIK_HASH_KEY_BYTES = 32
SHORTEST_SECRET = 32
_WELL_KNOWN = ("changeme", "change-me", "secret", "password", "default", "example", "perisai", "test")


class Environment(StrEnum):
    LOCAL = "local"
    TEST = "test"
    PRODUCTION = "production"


class Role(StrEnum):
    """What a process does for its service; locally one process does all."""

    API = "api"
    RELAY = "relay"
    CONSUMERS = "consumers"
    TIMERS = "timers"
    WORKERS = "workers"


class StartRefused(Exception):
    """The process must not start like this. The text is one sentence per fault, for a person."""


def base64_key(length: int) -> Any:
    """For the annotation of a variable: bytes given as base64, of exactly this length."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            raw = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"must be base64 of {length} random bytes") from None
        if len(raw) != length:
            raise ValueError(f"is a key of {len(raw)} bytes; it must be base64 of {length} random bytes")
        return raw

    return BeforeValidator(read)


def guessable(secret: str) -> bool:
    """True for a secret that is short, repetitive or built on a word from an example."""
    plain = secret.lower()
    return len(secret) < SHORTEST_SECRET or len(set(secret)) < 10 or plain.startswith(_WELL_KNOWN)


class Settings(BaseSettings):
    """Variables every service has, each with the prefix PERISAI_."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    environment: Environment
    database_url: str
    kafka_bootstrap: str
    topic_prefix: str = "perisai."
    instance: str = ""
    """Names this process among those of its service; Kafka's static membership and relay leases go by it."""
    roles: Annotated[frozenset[Role], NoDecode] = frozenset(Role)

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    http_max_body_bytes: int = Field(default=64 * 1024, gt=0)
    http_max_concurrent: int = Field(default=512, gt=0)
    http_max_per_caller_s: float = Field(default=500, ge=0)
    """Requests a second of one token's subject to one process, with two seconds of it in hand; 0: any number."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()

    jwks_url: str
    issuer: str
    audience: str = "perisai"

    master_key: Annotated[bytes, base64_key(MASTER_KEY_BYTES)] = Field(repr=False)
    nik_hash_key: Annotated[bytes, base64_key(NIK_HASH_KEY_BYTES)] = Field(repr=False)
    registration_url: str = ""
    key_door_token: str = Field(default="", repr=False)

    dead_letter_days: int = Field(default=30, gt=0)
    """How long an unreadable record's copy can be opened."""
    clock_offset_s: int = 0
    """Business time minus wall time at the first start, in seconds."""
    debug: bool = False
    log_format: LogFormat | Literal[""] = ""
    log_level: LogLevel = "info"
    otlp_endpoint: str | None = None

    @field_validator("roles", "cors_origins", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("otlp_endpoint", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _refuse_danger(self) -> Self:
        faults = [*dangers(self)]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @property
    def clock_offset(self) -> timedelta:
        return timedelta(seconds=self.clock_offset_s)

    @property
    def logs_as(self) -> LogFormat:
        return self.log_format or ("json" if self.environment is Environment.PRODUCTION else "console")


def dangers(settings: Settings) -> list[str]:
    """What makes a process with these settings unfit to start, one sentence each."""
    faults = []
    test, production = settings.environment is Environment.TEST, settings.environment is Environment.PRODUCTION
    if os.environ.get("FAULT_AT") and not test:
        faults.append("FAULT_AT is set: it makes the process kill itself; only PERISAI_ENVIRONMENT=test may use it.")
    if settings.debug and production:
        faults.append("PERISAI_DEBUG is on: it shows internals to callers; unset it in production.")
    if any("*" in origin for origin in settings.cors_origins):
        faults.append("PERISAI_CORS_ORIGINS is open to every site: name each origin, without a wildcard.")
    if settings.clock_offset_s and production:
        faults.append("PERISAI_CLOCK_OFFSET_S moves business time: production lives in real time; unset it.")
    if not test:
        faults += [*_weak_secrets(settings)]
    return faults


def _weak_secrets(settings: Settings) -> list[str]:
    faults = [
        f"{PREFIX}{name.upper()} is not random: make it from a random source, base64-encoded."
        for name in ("master_key", "nik_hash_key")
        if len(set(getattr(settings, name))) < 16
    ]
    if settings.key_door_token and guessable(settings.key_door_token):
        faults.append(f"PERISAI_KEY_DOOR_TOKEN is guessable: use {SHORTEST_SECRET} random characters or more.")
    return faults


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """The settings of this process. Raises StartRefused with one sentence per fault."""
    from_environment: Callable[[], S] = kind
    try:
        return from_environment()
    except ValidationError as error:
        raise StartRefused("\n".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for fault in error.errors(include_input=False, include_url=False):
        message = fault["msg"].removeprefix("Value error, ")
        if not fault["loc"]:
            sentences += message.split("\n")
            continue
        name = str(fault["loc"][0])
        variable = name if name.startswith(PREFIX) else PREFIX + name.upper()
        sentences.append(f"{variable} is not set." if fault["type"] == "missing" else f"{variable}: {message}.")
    return sentences
