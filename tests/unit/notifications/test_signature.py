"""Who may send receipts: whoever holds the secret, now. Threat T11."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.api.receipts import TOLERANCE, is_genuine, sign

NOW = datetime(2026, 11, 22, 3, 15, 30, tzinfo=UTC)
STAMP = "2026-11-22T03:15:30Z"
SECRET = "webhook-secret"
BODY = b'{"message_id":"msg_1","status":"delivered"}'
SECOND = timedelta(seconds=1)


def test_the_published_form_is_accepted() -> None:
    """Worked out apart: printf '%s' '<stamp>.<body>' | openssl dgst -sha256 -hmac webhook-secret -binary | base64."""
    assert is_genuine("BfqA6kUSoVqvHIxZC4X1YefH7hSSxAIVpohbFarntmw=", STAMP, BODY, SECRET, NOW)


@pytest.mark.parametrize("signature", ["", "bm90IGl0", "\xfc", sign("another-secret", STAMP, BODY)])
def test_any_other_signature_is_not(signature: str) -> None:
    assert not is_genuine(signature, STAMP, BODY, SECRET, NOW)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_changed_byte_of_the_body_shows(place: int, change: int) -> None:
    forged = BODY[:place] + bytes([BODY[place] ^ change]) + BODY[place + 1 :]
    assert not is_genuine(sign(SECRET, STAMP, BODY), STAMP, forged, SECRET, NOW)


def test_a_changed_time_shows() -> None:
    assert not is_genuine(sign(SECRET, STAMP, BODY), "2026-11-22T03:15:31Z", BODY, SECRET, NOW)


@pytest.mark.parametrize("sign_of_skew", [1, -1])
def test_only_the_present_counts(sign_of_skew: int) -> None:
    def at(skew: timedelta) -> bool:
        stamp = (NOW + sign_of_skew * skew).isoformat()
        return is_genuine(sign(SECRET, stamp, BODY), stamp, BODY, SECRET, NOW)

    assert at(TOLERANCE)
    assert not at(TOLERANCE + SECOND)


@pytest.mark.parametrize("stamp", ["", "yesterday", "1795317330", "2026-11-22T03:15:30", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_is_none_does_not_count(stamp: str) -> None:
    assert not is_genuine(sign(SECRET, stamp, BODY), stamp, BODY, SECRET, NOW)
