from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.notifications import (
    Channel,
    NotificationDelivered,
    NotificationFailed,
    NotificationSent,
    NotificationUnknown,
)
from contracts.values import Language, ParticipantId
from services.notifications.domain.notices import notice_of
from services.notifications.domain.notification import (
    ImpossibleTransition,
    NotificationEvent,
    State,
    decide_queued,
    evolve,
    notification_id_of,
)

from .samples import (
    CAUSE,
    CORRELATION,
    NOTIFICATION,
    NOW,
    OCTOBER,
    QUEUED_BY,
    SITI,
    billed,
    envelope,
    message,
    recipient,
)

SENT = NotificationSent(notification_id=NOTIFICATION, participant_id=SITI, provider_message_id="m-1", attempts=2)
DELIVERED = NotificationDelivered(notification_id=NOTIFICATION, participant_id=SITI, delivered_at=NOW)
FAILED = NotificationFailed(notification_id=NOTIFICATION, participant_id=SITI, reason="too_late", attempts=0)
UNKNOWN = NotificationUnknown(notification_id=NOTIFICATION, participant_id=SITI, attempts=1)
EVENTS: dict[State, NotificationEvent] = {
    State.SENT: SENT,
    State.DELIVERED: DELIVERED,
    State.FAILED: FAILED,
    State.UNKNOWN: UNKNOWN,
}


def after(events: Sequence[NotificationEvent]) -> State:
    state = message()
    for event in events:
        state = evolve(state, envelope(event), event)
    return state.state


class TestIdentity:
    def test_one_cause_recipient_and_channel_is_one_message(self) -> None:
        assert notification_id_of(CAUSE, SITI, Channel.SMS) == NOTIFICATION

    @pytest.mark.parametrize(
        "other",
        [
            notification_id_of(UUID(int=CAUSE.int + 1), SITI, Channel.SMS),
            notification_id_of(CAUSE, ParticipantId(UUID(int=1)), Channel.SMS),
            notification_id_of(CAUSE, SITI, Channel.WHATSAPP),
        ],
    )
    def test_another_cause_recipient_or_channel_is_another_message(self, other: UUID) -> None:
        assert other != NOTIFICATION

    @given(st.uuids(), st.uuids(), st.sampled_from(Channel))
    def test_it_is_a_uuid_version_7_at_the_time_of_its_cause(self, cause: UUID, person: UUID, channel: Channel) -> None:
        identity = notification_id_of(cause, ParticipantId(person), channel)
        assert (identity.version, identity.variant) == (7, UUID(int=0x8 << 60).variant)
        assert identity.bytes[:6] == cause.bytes[:6]


class TestQueueing:
    def test_it_carries_the_facts_and_the_recipients_language(self) -> None:
        notice = notice_of(billed(), NOW)
        assert notice is not None
        event = decide_queued(None, recipient(language=Language.ENGLISH), notice, CAUSE)
        assert event is not None
        assert event.language is Language.ENGLISH
        assert event.channel is Channel.SMS
        assert event.not_after == OCTOBER.ends_at
        assert event.values == {
            "contribution_code": "8810000000019",
            "amount": "36800",
            "first_month": "2025-10",
            "last_month": "2025-10",
            "payable_until": "2025-10-31",
        }

    def test_a_message_that_is_there_is_not_queued_again(self) -> None:
        notice = notice_of(billed(), NOW)
        assert notice is not None
        assert decide_queued(message(), recipient(), notice, CAUSE) is None

    def test_the_state_remembers_what_it_is_part_of(self) -> None:
        assert (message().queued_by, message().correlation_id) == (QUEUED_BY, CORRELATION)


class TestTransitions:
    @pytest.mark.parametrize(
        ("events", "end"),
        [
            ([SENT], State.SENT),
            ([SENT, DELIVERED], State.DELIVERED),
            ([SENT, FAILED], State.FAILED),
            ([SENT, FAILED, DELIVERED], State.DELIVERED),
            ([FAILED], State.FAILED),
            ([UNKNOWN], State.UNKNOWN),
            ([UNKNOWN, SENT, DELIVERED], State.DELIVERED),
        ],
    )
    def test_lives_of_a_message(self, events: Sequence[NotificationEvent], end: State) -> None:
        assert after(events) is end

    @pytest.mark.parametrize(
        "events",
        [
            [DELIVERED],
            [SENT, SENT],
            [SENT, UNKNOWN],
            [UNKNOWN, FAILED],
            [UNKNOWN, DELIVERED],
            [FAILED, SENT],
            [FAILED, FAILED],
            [FAILED, UNKNOWN],
            [SENT, DELIVERED, FAILED],
            [SENT, DELIVERED, DELIVERED],
        ],
    )
    def test_what_may_not_follow_is_refused_loudly(self, events: Sequence[NotificationEvent]) -> None:
        with pytest.raises(ImpossibleTransition):
            after(events)

    def test_nothing_happens_to_a_message_that_was_never_queued(self) -> None:
        with pytest.raises(ImpossibleTransition, match="NotificationSent before NotificationQueued"):
            evolve(None, envelope(SENT), SENT)

    def test_what_arrived_was_sent_even_when_we_believed_it_was_not(self) -> None:
        failed = evolve(message(), envelope(FAILED), FAILED)
        assert failed.sent_at is None
        assert evolve(failed, envelope(DELIVERED), DELIVERED).sent_at == NOW

    def test_a_delivery_clears_an_earlier_failure(self) -> None:
        failed = evolve(evolve(message(), envelope(SENT), SENT), envelope(FAILED), FAILED)
        delivered = evolve(failed, envelope(DELIVERED), DELIVERED)
        assert (failed.reason, delivered.reason, delivered.delivered_at) == ("too_late", None, NOW)
