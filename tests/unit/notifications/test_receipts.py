from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.notifications import NotificationFailed
from services.notifications.domain.notification import Notification, State, evolve
from services.notifications.domain.receipts import Receipt, Status, belongs, decide_receipt

from .samples import NOTIFICATION, NOW, envelope, message


def receipt(status: Status, *, reason: str | None = None, message_id: str = "m-1") -> Receipt:
    return Receipt(notification_id=NOTIFICATION, message_id=message_id, status=status, reason=reason, at=NOW)


DELIVERED = receipt(Status.DELIVERED)
FAILED = receipt(Status.FAILED, reason="absent_subscriber")


def at(state: State) -> Notification:
    known = None if state in (State.QUEUED, State.UNKNOWN) else "m-1"
    return replace(message(), state=state, provider_message_id=known, attempts=1)


def types(state: State, given_receipt: Receipt) -> list[str]:
    return [event.type for event in decide_receipt(at(state), given_receipt, calls=1)]


@pytest.mark.parametrize(
    ("state", "delivered", "failed"),
    [
        (State.QUEUED, ["NotificationSent", "NotificationDelivered"], ["NotificationSent", "NotificationFailed"]),
        (State.UNKNOWN, ["NotificationSent", "NotificationDelivered"], ["NotificationSent", "NotificationFailed"]),
        (State.SENT, ["NotificationDelivered"], ["NotificationFailed"]),
        (State.FAILED, ["NotificationDelivered"], []),
        (State.DELIVERED, [], []),
    ],
)
def test_what_a_receipt_does_in_each_state(state: State, delivered: list[str], failed: list[str]) -> None:
    assert types(state, DELIVERED) == delivered
    assert types(state, FAILED) == failed


@given(st.sampled_from(State), st.lists(st.sampled_from([DELIVERED, FAILED]), max_size=6))
def test_receipts_in_any_number_and_order_end_the_same(state: State, receipts: list[Receipt]) -> None:
    """Delivered wins over failed, whichever comes first; every event may follow the one before it."""
    current = at(state)
    for one in receipts:
        for event in decide_receipt(current, one, calls=1):
            current = evolve(current, envelope(event), event)
    if DELIVERED in receipts or state is State.DELIVERED:
        assert current.state is State.DELIVERED
    elif receipts:
        assert current.state is State.FAILED
    else:
        assert current.state is state


@pytest.mark.parametrize(
    ("given_reason", "kept"),
    [("absent_subscriber", "absent_subscriber"), (None, "undeliverable"), ("no +6281200000001", "undeliverable")],
)
def test_only_a_code_is_kept_as_reason(given_reason: str | None, kept: str) -> None:
    (failed,) = decide_receipt(at(State.SENT), receipt(Status.FAILED, reason=given_reason), calls=1)
    assert isinstance(failed, NotificationFailed)
    assert failed.reason == kept


def test_a_receipt_for_another_message_of_the_provider_does_not_belong() -> None:
    assert belongs(at(State.SENT), DELIVERED)
    assert belongs(at(State.QUEUED), receipt(Status.DELIVERED, message_id="m-2"))
    assert not belongs(at(State.SENT), receipt(Status.DELIVERED, message_id="m-2"))
