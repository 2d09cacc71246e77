from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event import Event
from contracts.events.notifications import NotificationFailed, NotificationSent, NotificationUnknown
from services.notifications.domain.notification import State
from services.notifications.domain.sending import (
    Again,
    Answer,
    Attempt,
    Doubtful,
    NotCalled,
    NotTaken,
    Policy,
    Refused,
    Taken,
    decide_after_call,
    decide_before_call,
    pause_before_next,
)

from .samples import NOW, message

SECOND = timedelta(seconds=1)
HONOURED = Policy(provider_honours_keys=True, attempts_most=5, pause_first=SECOND, pause_most=30 * SECOND)
NOT_HONOURED = replace(HONOURED, provider_honours_keys=False)
FIRST, SECOND_CALL, LAST = Attempt(1, doubtful=False), Attempt(2, doubtful=False), Attempt(5, doubtful=False)
AFTER_DOUBT = Attempt(2, doubtful=True)


def ending(event: Event | Again | None) -> tuple[type[Event], str | None, int]:
    assert isinstance(event, NotificationFailed | NotificationUnknown)
    return type(event), getattr(event, "reason", None), event.attempts


def before(
    attempt: Attempt, policy: Policy = HONOURED, *, reachable: bool = True, late: bool = False
) -> Event | Again | None:
    """What becomes of a message whose call must not be made; None when it may be."""
    one = message(not_after=NOW) if late else message()
    refusal = decide_before_call(one, attempt, policy, reachable=reachable, now=NOW)
    return None if refusal is None else decide_after_call(one, attempt, refusal, policy, jitter=0)


def answered(answer: Answer, attempt: Attempt = FIRST, policy: Policy = HONOURED) -> Event | Again | None:
    return decide_after_call(message(), attempt, answer, policy, jitter=1.0)


class TestBeforeTheCall:
    def test_a_fresh_message_may_be_sent(self) -> None:
        assert before(FIRST) is None

    def test_past_its_not_after_it_is_not_sent(self) -> None:
        assert ending(before(FIRST, late=True)) == (NotificationFailed, "too_late", 0)

    def test_a_forgotten_person_is_told_nothing(self) -> None:
        assert ending(before(FIRST, reachable=False)) == (NotificationFailed, "forgotten", 0)

    def test_after_a_doubtful_call_a_provider_that_honours_keys_is_asked_again(self) -> None:
        assert before(AFTER_DOUBT) is None

    def test_after_a_doubtful_call_any_other_provider_is_not(self) -> None:
        assert ending(before(AFTER_DOUBT, NOT_HONOURED)) == (NotificationUnknown, None, 1)

    def test_too_late_after_a_doubtful_call_is_unknown_and_not_failed(self) -> None:
        assert ending(before(AFTER_DOUBT, late=True)) == (NotificationUnknown, None, 1)

    def test_a_message_that_keeps_killing_its_sender_ends(self) -> None:
        assert ending(before(Attempt(6, doubtful=True))) == (NotificationUnknown, None, 5)


class TestAfterTheCall:
    def test_taken_is_sent(self) -> None:
        sent = answered(Taken("m-1"), SECOND_CALL)
        assert isinstance(sent, NotificationSent)
        assert (sent.provider_message_id, sent.attempts) == ("m-1", 2)

    def test_refused_is_failed(self) -> None:
        assert ending(answered(Refused())) == (NotificationFailed, "refused_by_gateway", 1)

    def test_refused_after_a_doubtful_call_is_unknown(self) -> None:
        assert ending(answered(Refused(), AFTER_DOUBT)) == (NotificationUnknown, None, 2)

    def test_not_taken_is_tried_again(self) -> None:
        assert answered(NotTaken()) == Again(SECOND, doubtful=False)
        assert answered(NotTaken(), SECOND_CALL, NOT_HONOURED) == Again(2 * SECOND, doubtful=False)

    def test_doubt_stays_with_the_message(self) -> None:
        assert answered(Doubtful()) == Again(SECOND, doubtful=True)
        assert answered(NotTaken(), AFTER_DOUBT) == Again(2 * SECOND, doubtful=True)

    def test_doubt_ends_in_unknown_where_keys_are_not_honoured(self) -> None:
        assert ending(answered(Doubtful(), FIRST, NOT_HONOURED)) == (NotificationUnknown, None, 1)

    def test_tries_end_in_failed_when_it_was_certainly_never_taken(self) -> None:
        assert ending(answered(NotTaken(), LAST)) == (NotificationFailed, "gateway_unavailable", 5)

    def test_tries_end_in_unknown_when_one_may_have_been_taken(self) -> None:
        assert ending(answered(Doubtful(), LAST)) == (NotificationUnknown, None, 5)
        assert ending(answered(NotTaken(), Attempt(5, doubtful=True))) == (NotificationUnknown, None, 5)


class TestAnswersThatComeLate:
    """A receipt, or a sender that took over, was faster."""

    @pytest.mark.parametrize("state", [State.SENT, State.DELIVERED, State.FAILED])
    @pytest.mark.parametrize("answer", [Taken("m-1"), Refused(), NotTaken(), Doubtful(), NotCalled("too_late")])
    def test_what_is_settled_stays(self, state: State, answer: Answer) -> None:
        assert decide_after_call(replace(message(), state=state), FIRST, answer, HONOURED, jitter=0) is None

    def test_an_acceptance_settles_what_was_unknown(self) -> None:
        unknown = replace(message(), state=State.UNKNOWN)
        assert isinstance(decide_after_call(unknown, FIRST, Taken("m-1"), NOT_HONOURED, jitter=0), NotificationSent)
        assert decide_after_call(unknown, FIRST, Refused(), NOT_HONOURED, jitter=0) is None


class TestPauses:
    def test_they_double(self) -> None:
        pauses = [pause_before_next(calls, None, HONOURED, jitter=1.0) for calls in range(1, 8)]
        assert pauses == [SECOND * n for n in (1, 2, 4, 8, 16, 30, 30)]

    def test_the_providers_wish_is_kept_within_the_cap(self) -> None:
        assert pause_before_next(1, 12 * SECOND, HONOURED, jitter=0) == 12 * SECOND
        assert pause_before_next(1, timedelta(days=1), HONOURED, jitter=0) == 30 * SECOND

    @given(st.integers(1, 10_000), st.floats(0, 1), st.none() | st.timedeltas(timedelta(0), timedelta(days=9)))
    def test_they_are_never_a_hot_loop_and_never_over_the_cap(
        self, calls: int, jitter: float, wish: timedelta | None
    ) -> None:
        assert SECOND / 2 <= pause_before_next(calls, wish, HONOURED, jitter=jitter) <= HONOURED.pause_most


@given(
    st.lists(st.sampled_from([Refused(), NotTaken(), Doubtful(), Taken("m-1")]), max_size=8),
    st.booleans(),
)
def test_a_message_that_may_have_been_taken_never_ends_as_failed(answers: list[Answer], honours: bool) -> None:
    """And where keys are not honoured, nothing is sent after a call that may have been taken."""
    policy = HONOURED if honours else NOT_HONOURED
    attempt, doubts = Attempt(1, doubtful=False), 0
    for answer in answers:
        if decide_before_call(message(), attempt, policy, reachable=True, now=NOW) is not None:
            break
        assert honours or doubts == 0
        outcome = decide_after_call(message(), attempt, answer, policy, jitter=0.5)
        doubts += isinstance(answer, Doubtful)
        if not isinstance(outcome, Again):
            assert not (isinstance(outcome, NotificationFailed) and doubts)
            break
        attempt = Attempt(attempt.number + 1, outcome.doubtful)
