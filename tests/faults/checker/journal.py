"""J, the ground truth of whoever drove the load: requests that were sent, answers that came, and the people they were about.

What was sent under one Idempotency-Key by one actor is one command, however often it was sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.checker.facts import CannotCheck

_NOT_THE_COMMAND = frozenset({401, 403, 408, 425, 429})
"""Answers of the door, given before the command was looked at."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`id`: what the answer names as created or found; `body_sha256`: hex, of the body's bytes."""

    status: int
    body_sha256: str
    id: str | None
    code: str | None

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    @property
    def definite(self) -> bool:
        """Whether it says what became of the command; an outage or a refusal at the door does not."""
        return self.status < 500 and self.status not in _NOT_THE_COMMAND and self.code != "key_reused"


@dataclass(slots=True)
class Command:
    """`correlations`: the ids under which its requests may have been recorded."""

    service: str
    actor: str
    key: str
    path: str
    creates: str | None
    correlations: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    person: int | None = None

    @property
    def definite(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.definite]


@dataclass(frozen=True, slots=True)
class Journal:
    """`people`: number → kind of value → the value, in clear: the canaries of the search for personal data."""

    commands: Sequence[Command]
    people: Mapping[int, Mapping[str, str]]

    @property
    def registered(self) -> Mapping[str, int]:
        """Participant id → number, of everybody who was registered at the door."""
        return {
            answer.id: command.person
            for command in self.commands
            for answer in command.answers
            if answer.accepted and answer.id and command.person is not None
        }


def read_journal(path: Path) -> Journal:
    """Raises CannotCheck when a line cannot be read, save for the last one: its writer may have been killed."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CannotCheck(f"{path.name}: {type(error).__name__}") from error
    commands: dict[tuple[str, str, str], Command] = {}
    by_request: dict[str, Command] = {}
    people: dict[int, Mapping[str, str]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            _take(told, commands, by_request, people)
        except (ValueError, KeyError) as error:
            if number < len(lines):
                raise CannotCheck(f"{path.name}, line {number}: {type(error).__name__}") from error
    return Journal(list(commands.values()), people)


def _take(
    told: Mapping[str, object],
    commands: dict[tuple[str, str, str], Command],
    by_request: dict[str, Command],
    people: dict[int, Mapping[str, str]],
) -> None:
    match told:
        case {"kind": "person", "person": int(number), "values": dict(values)}:
            people[number] = {name: str(value) for name, value in values.items() if value}
        case {"kind": "sent", "request": str(request), "key": str(key), "actor": str(actor), "service": str(service)}:
            creates = told.get("creates")
            new = Command(service, actor, key, str(told.get("path", "")), str(creates) if creates else None)
            new.person = who if isinstance(who := told.get("person"), int) else None
            command = commands.setdefault((service, actor, key), new)
            command.correlations.add(request)
            by_request[request] = command
        case {"kind": "answered", "request": str(request), "status": int(status), "body_sha256": str(body)}:
            named, code = told.get("id"), told.get("code")
            answer = Answer(status, body, str(named) if named else None, str(code) if code else None)
            by_request[request].answers.append(answer)
            if correlation := told.get("correlation_id"):
                by_request[request].correlations.add(str(correlation))
        case {"kind": "lost", "request": str(request)}:
            by_request[request]  # a retry or nothing follows; an unknown request is a broken journal
        case {"kind": "person" | "sent" | "answered" | "lost"}:
            raise KeyError("a field is missing")
