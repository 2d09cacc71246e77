"""I1: accepted is durable. Each 2xx has its state, its first event and its stored answer; a retry gives one answer; nothing exists without cause.

J is held against `idempotency` by key and against `event_log` by the request's correlation id; then, J or no J, stored answers, first events
and state tables are held against each other.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.checker import states
from tests.faults.checker.journal import Answer, Command
from tests.faults.checker.tally import Tally, hashed
from tests.faults.checker.world import Event, Row, World

MAY_RECORD_NOTHING = ("/imports", "/bills", "/partners", "/settlements")
"""A file is stored, or was; a bill of just these months is open already, a partner stands already as wanted."""


LOOKS = "reads-"
"""Somebody was shown personal data: a read has no stored answer."""
BY_THEMSELVES = {("audit", "system:audit"), ("audit", "operator")}
"""A checkpoint, and the outcome of a replay that an operator's command ran."""


@dataclass(frozen=True)
class _Books:
    """One service's side: stored answers by (actor, key), and events that no event caused by their correlation id."""

    answers: Mapping[tuple[str, str], Row]
    uncaused: Mapping[str, list[Event]]
    firsts: Mapping[tuple[str, str], Event]


async def check(world: World, tally: Tally) -> None:
    for service in world.facts.services:
        books = await _books(world, service)
        for command in world.journal.commands:
            if command.service != service:
                continue
            if command.correlations & world.planted.lost:
                _gone(tally, command, books)
                continue
            _answered(tally, command, books)
            _effects(tally, command, books)
        await _stored(world, tally, service, books)
        await _causes(world, tally, service, books)
    await states.anti_join(world, tally)
    await _imports(world, tally)


async def _books(world: World, service: str) -> _Books:
    uncaused: defaultdict[str, list[Event]] = defaultdict(list)
    firsts: dict[tuple[str, str], Event] = {}
    for event in await world.log(service):
        if event.causation_id is None:
            uncaused[event.correlation_id].append(event)
        if event.seq == 1:
            firsts[event.place] = event
    answers = {(row["actor"], row["key"]): row for row in await world.rows(service, "idempotency")}
    return _Books(answers, uncaused, firsts)


def _answered(tally: Tally, command: Command, books: _Books) -> None:
    """All definite answers are one, and it is the stored one."""
    definite = command.definite
    if not definite:
        return
    where, name = f"{command.service}.idempotency", hashed(command.key)
    told = {(answer.status, answer.body_sha256) for answer in definite}
    tally.see(len(told) == 1, where, name, expected="one answer to all tries", actual=f"{len(told)} answers")
    stored = books.answers.get((command.actor, command.key))
    if stored is None:
        if any(answer.accepted for answer in definite):
            tally.bad(where, name, expected=f"the stored answer {definite[0].status}", actual="none")
        return
    for answer in definite:
        if answer.status != stored["status"]:
            tally.bad(where, name, expected=f"status {answer.status} as answered", actual=f"status {stored['status']}")
        elif answer.body_sha256 not in _hashes(stored["body"]):
            tally.bad(where, name, expected="the body as answered", actual="another body")


def _gone(tally: Tally, command: Command, books: _Books) -> None:
    """Lost with its server, whole: neither an answer nor an event is left of it."""
    left = (command.actor, command.key) in books.answers or bool(command.correlations & books.uncaused.keys())
    tally.see(
        not left,
        f"{command.service}.event_log",
        hashed(command.key),
        expected="nothing of what was lost",
        actual="a part",
    )


def _hashes(body: str) -> set[str]:
    """Of the stored text as it is, and as it goes out: without blanks."""
    compact = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))
    return {hashlib.sha256(text.encode()).hexdigest() for text in (body, compact)}


def _effects(tally: Tally, command: Command, books: _Books) -> None:
    """What its requests recorded: once at most, and just what was answered."""
    found = [event for correlation in command.correlations for event in books.uncaused.get(correlation, ())]
    made = [event for event in found if event.seq == 1 and event.stream == command.creates]
    acting = {event.correlation_id for event in found}
    where, name = f"{command.service}.event_log", hashed(command.key)
    tally.see(len(acting) <= 1, where, name, expected="one effect of one command", actual=f"{len(acting)} effects")
    if len(made) > 1:
        tally.bad(where, name, expected="one first event", actual=f"{len(made)} first events")
    accepted = next((answer for answer in command.definite if answer.accepted), None)
    if accepted is not None:
        _accepted(tally, command, accepted, books, made, found)
    elif command.definite and found:
        tally.bad(where, name, expected="no event of a refused command", actual=f"{len(found)} events")


def _accepted(
    tally: Tally, command: Command, answer: Answer, books: _Books, made: list[Event], found: list[Event]
) -> None:
    stored = books.answers.get((command.actor, command.key))
    where, name = f"{command.service}.event_log", answer.id or hashed(command.key)
    if command.creates is not None:
        id_ = answer.id or ("" if stored is None else _named(command.service, json.loads(stored["body"]))[1])
        if (command.creates, id_) not in books.firsts:
            tally.bad(where, name, expected=f"{command.creates}, seq 1, as answered", actual="no event")
        elif answer.status == 201 and [event.key for event in made] != [id_]:
            tally.bad(where, name, expected="recorded by this request", actual="by another one, or not at all")
        elif answer.status != 201 and made:
            tally.bad(where, name, expected="nothing new for a repeated form", actual="a first event")
        return
    if stored is not None and str(stored["correlation_id"]) not in command.correlations:
        tally.bad(where, name, expected="the correlation id of a request", actual="another one")
    if stored is not None and not found and not command.path.startswith(MAY_RECORD_NOTHING):
        tally.bad(where, name, expected="an event of the accepted command", actual="no event")


async def _stored(world: World, tally: Tally, service: str, books: _Books) -> None:
    """Whatever was answered as accepted stands in its table; what was answered as new has its event."""
    known: defaultdict[str, set[str]] = defaultdict(set)
    for answer in states.ANSWERS:
        if answer["service"] == service:
            field = answer["field"]
            known[field] |= await states.keys_of(world, service, answer["table"], [field])
    for row in books.answers.values():
        tally.checked += 1
        correlation, accepted = str(row["correlation_id"]), 200 <= row["status"] < 300
        if not accepted:
            if correlation in books.uncaused:
                tally.bad(f"{service}.event_log", correlation, expected="no event of a refusal", actual="an event")
            continue
        rule, named = _named(service, json.loads(row["body"]))
        if rule is None or named not in known[rule["field"]]:
            tally.bad(f"{service}.idempotency", correlation, expected="what the answer names", actual="it is not there")
        elif row["status"] == 201 and not rule.get("without_event") and correlation not in books.uncaused:
            tally.bad(f"{service}.event_log", correlation, expected="an event of the accepted command", actual="none")


def _named(service: str, body: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    for rule in states.ANSWERS:
        if rule["service"] == service and rule["field"] in body:
            return rule, str(body[rule["field"]])
    return None, ""


async def _causes(world: World, tally: Tally, service: str, books: _Books) -> None:
    """An event that no event caused was asked for: by a command whose answer is stored, by a row of a file, by a timer, or by a bank."""
    asked = {str(row["correlation_id"]) for row in books.answers.values()} | world.planted.taken_back
    if service == "registration":
        asked |= {str(row["correlation_id"]) for row in await world.rows(service, "imports")}
    for correlation, events in books.uncaused.items():
        tally.checked += 1
        actor = events[0].actor
        by_itself = actor.startswith((f"{service}.", "partner:")) or (service, actor) in BY_THEMSELVES
        by_itself |= all(event.stream.startswith(LOOKS) for event in events)
        if correlation not in asked and not by_itself:
            tally.bad(f"{service}.event_log", events[0].event_id, expected="a stored answer", actual="no cause")


async def _imports(world: World, tally: Tally) -> None:
    """A row of a file that was called accepted is registered; a file that is done has one result per row."""
    if "registration" not in world.facts.services:
        return
    registered = {event.key for event in await world.log("registration") if event.stream == "participants"}
    results: defaultdict[str, list[Row]] = defaultdict(list)
    for row in await world.rows("registration", "import_results"):
        results[str(row["import_id"])].append(row)
        if row["outcome"] == "accepted":
            where, key = "registration.import_results", f"{row['import_id']}:{row['line']}"
            tally.see(
                str(row["participant_id"]) in registered, where, key, expected="a registration", actual="no event"
            )
    for file in await world.rows("registration", "imports"):
        if file["status"] == "DONE":
            mine = results[str(file["import_id"])]
            counted = [sum(row["outcome"] == name for row in mine) for name in ("accepted", "refused")]
            holds = counted == [file["accepted"], file["refused"]] and sum(counted) == file["rows"]
            expected = f"{file['accepted']} + {file['refused']} = {file['rows']} rows"
            tally.see(holds, "registration.imports", file["import_id"], expected=expected, actual=f"{counted} results")
