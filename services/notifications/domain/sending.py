"""Sending one message: whether to call the provider, what its answer means, when to try again, when to give up.

As long as one earlier call of the message may have been accepted (`doubtful`), it is never called failed: it ends as
sent, or as unknown. A provider that recognises our key may be asked again after such a call, any other may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from contracts.events.notifications import NotificationFailed, NotificationSent, NotificationUnknown
from services.notifications.domain.notification import Notification, State


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider accepted the message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never accept this message."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Certainly not accepted: too many requests, no connection, our own access refused. May be tried again."""

    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Doubtful:
    """It may have been accepted: no answer in time, a broken connection, an error of the provider's, an answer that
    cannot be read.
    """

    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class NotCalled:
    """The call was not made, for good: `reason` is a code."""

    reason: str


Answer = Taken | Refused | NotTaken | Doubtful | NotCalled


@dataclass(frozen=True, slots=True)
class Attempt:
    """The n-th call of a message; `doubtful` when an earlier one may have been accepted."""

    number: int
    doubtful: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """How hard to try. `pause_first` doubles with every call up to `pause_most`."""

    provider_honours_keys: bool
    attempts_most: int
    pause_first: timedelta
    pause_most: timedelta


@dataclass(frozen=True, slots=True)
class Again:
    """Nothing is settled: free for another call after `pause` (wall time)."""

    pause: timedelta
    doubtful: bool


Ending = NotificationSent | NotificationFailed | NotificationUnknown


def decide_before_call(
    message: Notification, attempt: Attempt, policy: Policy, *, reachable: bool, now: datetime
) -> NotCalled | None:
    """Why this call must not be made; None when it may. `now` is business time, `reachable` whether there is an
    address.
    """
    if attempt.doubtful and not policy.provider_honours_keys:
        return NotCalled("may_be_sent")
    if now >= message.not_after:
        return NotCalled("too_late")
    if not reachable:
        return NotCalled("forgotten")
    if attempt.number > policy.attempts_most:  # it never got as far as an answer: senders died in the call
        return NotCalled("gateway_unavailable")
    return None


def decide_after_call(
    message: Notification, attempt: Attempt, answer: Answer, policy: Policy, *, jitter: float
) -> Ending | Again | None:
    """What the answer makes of the message; None when nothing (a receipt or another sender came first).

    `jitter` in 0..1 spreads the pauses.
    """
    if isinstance(answer, Taken):
        return _sent(message, answer.message_id, attempt.number)
    if message.state is not State.QUEUED:
        return None
    match answer:
        case NotCalled(reason):
            return _given_up(message, reason, attempt.number - 1, attempt.doubtful)
        case Refused():
            return _given_up(message, "refused_by_gateway", attempt.number, attempt.doubtful)
        case NotTaken(retry_after):
            return _later(message, attempt, retry_after, attempt.doubtful, policy, jitter)
        case Doubtful(retry_after):
            return _later(message, attempt, retry_after, True, policy, jitter)
        case _ as never:
            assert_never(never)


def _later(
    message: Notification,
    attempt: Attempt,
    retry_after: timedelta | None,
    doubtful: bool,
    policy: Policy,
    jitter: float,
) -> Ending | Again:
    if (doubtful and not policy.provider_honours_keys) or attempt.number >= policy.attempts_most:
        return _given_up(message, "gateway_unavailable", attempt.number, doubtful)
    return Again(pause_before_next(attempt.number, retry_after, policy, jitter=jitter), doubtful)


def pause_before_next(calls: int, retry_after: timedelta | None, policy: Policy, *, jitter: float) -> timedelta:
    """Doubles with each call and is spread over its upper half; never shorter than the provider asks, never longer than
    `pause_most`.
    """
    doubled = min(policy.pause_most, policy.pause_first * float(2 ** min(calls - 1, 30)))
    spread = doubled * (0.5 + jitter / 2)
    return min(policy.pause_most, max(spread, retry_after or timedelta(0)))


def _sent(message: Notification, provider_message_id: str, calls: int) -> NotificationSent | None:
    match message.state:
        case State.QUEUED | State.UNKNOWN:
            return NotificationSent(
                notification_id=message.notification_id,
                participant_id=message.participant_id,
                provider_message_id=provider_message_id,
                attempts=calls,
            )
        case State.SENT | State.DELIVERED | State.FAILED:
            return None
        case _ as never:
            assert_never(never)


def _given_up(
    message: Notification, reason: str, calls: int, doubtful: bool
) -> NotificationFailed | NotificationUnknown:
    if not doubtful:
        return failed(message, reason, calls)
    return NotificationUnknown(
        notification_id=message.notification_id, participant_id=message.participant_id, attempts=calls
    )


def failed(message: Notification, reason: str, calls: int) -> NotificationFailed:
    """The message as failed for this reason after so many calls."""
    return NotificationFailed(
        notification_id=message.notification_id, participant_id=message.participant_id, reason=reason, attempts=calls
    )
