"""What the checker is told: where everything is, and what a cell did on purpose. It knows nothing else of the run."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


class CannotCheck(Exception):
    """The checker could not look, so nothing is shown either way. Never a pass."""


@dataclass(frozen=True)
class Archive:
    """What an auditor was given by another way: the log's name, its public key (32 bytes), and where its checkpoints are written."""

    log: str
    public_key: bytes
    folder: Path


@dataclass(frozen=True)
class Facts:
    """`topics` without the prefix; `groups`: service → consumer groups; `replay`: service → {argv, env, cwd}."""

    databases: Mapping[str, str]
    bootstrap: str
    prefix: str
    topics: tuple[str, ...]
    dead_letters: str
    groups: Mapping[str, tuple[str, ...]]
    bank_url: str | None
    acquirer_url: str | None
    gateway_url: str | None
    metrics_urls: tuple[str, ...]
    files: tuple[str, ...]
    master_keys: Mapping[str, str]
    replay: Mapping[str, Mapping[str, Any]]
    archive: Archive | None = None
    """Where audit plays."""

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self.databases)


@dataclass(frozen=True)
class Planted:
    """Causes of a cell; without any, nothing may be parked, dead-lettered, or missing."""

    parked: tuple[Mapping[str, Any], ...] = ()
    moved: tuple[Mapping[str, Any], ...] = ()
    dead_letters: tuple[Mapping[str, Any], ...] = ()
    missing_here: frozenset[str] = frozenset()
    gateway_honours_keys: bool = True
    recovery: Mapping[str, Any] | None = None
    leaps: tuple[datetime, ...] = ()
    """When (wall time) the calendar of all services was moved forward."""
    lost: frozenset[str] = frozenset()
    """Correlation ids of what died with a server whose standby had not got it: nothing of it may be left."""
    taken_back: frozenset[str] = frozenset()
    """Correlation ids of commands whose events came back into a restored database, and whose stored answers did not."""
    paid_out: frozenset[str] = frozenset()
    """Statements of Wadah (Wadah:month) whose payout somebody confirmed: each has to be judged to its end."""
    places: frozenset[tuple[str, int, int]] = field(init=False)
    """(topic, partition, offset) of the records that are no events of ours."""
    keys: frozenset[tuple[str, str, str]] = field(init=False)
    """(service, stream, key) of events that nobody recorded: parked, or of a type that this service does not read (`moved`)."""

    def __post_init__(self) -> None:
        places = frozenset((p["topic"], int(p["partition"]), int(p["offset"])) for p in self.dead_letters)
        object.__setattr__(self, "places", places)
        strangers = frozenset((p["service"], p["stream"], p["key"]) for p in (*self.parked, *self.moved))
        object.__setattr__(self, "keys", strangers)


def read_facts(path: Path) -> Facts:
    """Raises CannotCheck when the file does not tell what is needed."""
    told = _json(path)
    try:
        return facts_from(told)
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotCheck(f"{path.name}: {error!r} is missing or of another form") from error


def facts_from(told: Mapping[str, Any]) -> Facts:
    kafka = told["kafka"]
    return Facts(
        databases={name: where["reader_url"] for name, where in told["services"].items()},
        bootstrap=kafka["bootstrap"],
        prefix=kafka["prefix"],
        topics=tuple(kafka["topics"]),
        dead_letters=kafka["dead_letters"],
        groups={name: tuple(groups) for name, groups in told["groups"].items()},
        bank_url=told.get("bank_url"),
        acquirer_url=told.get("acquirer_url"),
        gateway_url=told.get("gateway_url"),
        metrics_urls=tuple(told.get("metrics_urls", ())),
        files=tuple(told.get("files", ())),
        master_keys=told.get("master_keys", {}),
        replay=told.get("commands", {}).get("replay", {}),
        archive=_archive(told.get("archive")),
    )


def _archive(told: Mapping[str, str] | None) -> Archive | None:
    if told is None:
        return None
    return Archive(told["log"], base64.b64decode(told["public_key"]), Path(told["folder"]))


def read_planted(path: Path | None) -> Planted:
    """Nothing planted when there is no file."""
    return planted_from(_json(path)) if path is not None else Planted()


def planted_from(told: Mapping[str, Any]) -> Planted:
    return Planted(
        parked=tuple(told.get("parked", ())),
        moved=tuple(told.get("moved", ())),
        dead_letters=tuple(told.get("dead_letters", ())),
        missing_here=frozenset(told.get("missing_here", ())),
        gateway_honours_keys=told.get("gateway_honours_keys", True),
        recovery=told.get("recovery"),
        leaps=tuple(datetime.fromisoformat(at) for at in told.get("leaps", ())),
        lost=frozenset(told.get("lost", ())),
        taken_back=frozenset(told.get("taken_back", ())),
        paid_out=frozenset(told.get("paid_out", ())),
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotCheck(f"{path.name}: {type(error).__name__}") from error
