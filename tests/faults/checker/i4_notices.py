"""I4: one notice. One message per (event, recipient, channel), taken and shown once by the gateway, at most 60 s after the fault ended.

Past its `not_after` a message was not sent, and that is recorded. Where the gateway recognises no repeats it was called once, and what nobody knows
is shown as unknown: a message that the gateway holds is never called failed by us alone.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tests.faults.checker import conditions
from tests.faults.checker.effects import READERS, RULES, STREAMS, Known, notice_id
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import Event, Row, World

SERVICE = "notifications"
WITHIN = timedelta(seconds=60)
IN_THE_AIR = timedelta(seconds=10)
"""How long a call to the gateway may take."""
WAITS_FOR_MORNING = frozenset({"grace_entered", "participation_lapsed"})
"""Templates of what the calendar brings: sent after the quiet hours only."""
NEVER_CALLED = frozenset({"too_late", "forgotten"})


async def check(world: World, tally: Tally) -> None:
    if SERVICE not in world.facts.services:
        return
    rows = await world.rows(SERVICE, "notifications")
    await _one_per_cause(world, tally, rows)
    taken: defaultdict[str, list[Row]] = defaultdict(list)
    for message in await world.messages():
        taken[message["idempotency_key"]].append(message)
    queued = {event.key: event for event in (await world.by_type(SERVICE)).get("NotificationQueued", ())}
    for row in rows:
        key = str(row["notification_id"])
        messages = taken.pop(key, [])
        _state(world, tally, row, messages)
        _in_time(world, tally, row, messages, queued.get(key))
    for key, messages in taken.items():
        tally.bad("gateway", key, expected="a notification of ours", actual=f"{len(messages)} messages without one")


async def _one_per_cause(world: World, tally: Tally, rows: Sequence[Row]) -> None:
    """0 duplicates, 0 missing: every event that calls for a notice, and that was reached, has its one row."""
    pairs = Counter((str(row["cause"]), str(row["participant_id"]), row["channel"]) for row in rows)
    for (cause, _, _), number in pairs.items():
        tally.see(number == 1, "notifications.notifications", cause, expected="one row", actual=f"{number}")
    known = {str(row["notification_id"]) for row in rows}
    reached = {(row["stream"], row["key"]): row["seq"] for row in await world.rows(SERVICE, "progress")}
    nothing = Known({})
    for service in world.facts.services:
        for event in await world.log(service):
            if not _calls_for_notice(event, nothing):
                continue
            waits = (SERVICE, *event.place) in world.planted.keys and event.seq > reached.get(event.place, 0)
            there = notice_id(event.event_id, event.data["participant_id"]) in known
            tally.see(
                there or waits, "notifications.notifications", event.event_id, expected="a notice", actual="missing"
            )


def _calls_for_notice(event: Event, nothing: Known) -> bool:
    rule = RULES.get((SERVICE, event.type, False))
    if rule is None or STREAMS[event.stream]["topic"] not in READERS[SERVICE]:
        return False
    effect = rule["effects"][0]
    if effect["type"] != "NotificationQueued":
        return False
    return "when" not in effect or bool(getattr(conditions, effect["when"])(event, nothing, ()))


def _state(world: World, tally: Tally, row: Row, messages: Sequence[Row]) -> None:
    """What we say of a message and what the gateway holds agree."""
    tally.checked += 1
    state, key, where = row["state"], row["notification_id"], "notifications.notifications"
    if len(messages) > 1:
        tally.bad("gateway", key, expected="one message shown", actual=f"{len(messages)}")
    if not world.planted.gateway_honours_keys and (calls := sum(1 + m["repeats"] for m in messages)) > 1:
        tally.bad("gateway", key, expected="one call of a gateway without keys", actual=f"{calls}")
    if state == "QUEUED":
        if row["template"] not in WAITS_FOR_MORNING:
            tally.bad(where, key, expected="an end, after the drain", actual="still queued")
    elif state in ("SENT", "DELIVERED"):
        if [m["message_id"] for m in messages] != [row["provider_message_id"]]:
            tally.bad(where, key, expected="the message that the gateway holds", actual="another one, or none")
    elif state == "FAILED" and (messages and (row["sent_at"] is None or row["reason"] in NEVER_CALLED)):
        tally.bad(where, key, expected="sent, or unknown", actual=f"failed: {row['reason']}, and the gateway holds it")
    elif state == "FAILED" and row["sent_at"] is not None and not messages:
        tally.bad(where, key, expected="the message whose receipt said so", actual="the gateway holds none")


def _in_time(world: World, tally: Tally, row: Row, messages: Sequence[Row], queued: Event | None) -> None:
    """Not after `not_after` (business time), and 60 s (wall time) after the fault ended or it was queued, whichever was later."""
    if queued is None:
        return
    late = row["sent_at"] is not None and row["sent_at"] >= row["not_after"] + WITHIN
    if late and not _called_before_a_leap(world, messages):
        tally.bad("notifications.notifications", queued.key, expected="not sent past its not_after", actual="sent")
    recovery = world.planted.recovery
    if recovery is None or row["template"] in WAITS_FOR_MORNING:
        return
    latest = max(_instant(recovery["ended_at"]), queued.recorded_at) + WITHIN
    for message in messages:
        at = datetime.fromisoformat(message["accepted_at"])
        tally.see(
            at <= latest,
            "gateway",
            queued.key,
            expected="taken within 60 s",
            actual=f"{(at - latest).total_seconds():.1f} s late",
        )


def _called_before_a_leap(world: World, messages: Sequence[Row]) -> bool:
    """Whether the call was in the air when the calendar moved: sent in time, and written down in another month."""
    taken = [datetime.fromisoformat(message["accepted_at"]) for message in messages]
    return any(leap - IN_THE_AIR <= at <= leap + IN_THE_AIR for at in taken for leap in world.planted.leaps)


def _instant(told: str | float) -> datetime:
    """Of RFC 3339; or of the monotonic clock, which is one for all processes of a machine."""
    if isinstance(told, str):
        return datetime.fromisoformat(told)
    return datetime.now(UTC) - timedelta(seconds=time.monotonic() - told)
