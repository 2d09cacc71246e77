"""A real sender process killed between the two ends of a call (crash points N4 and N5), with both kinds of provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.notifications.domain.notification import State
from tests.integration.notifications.driver import Driver


@pytest.mark.parametrize(("point", "sent_before"), [("N4", 0), ("N5", 1)])
async def test_with_a_provider_that_honours_keys_the_message_is_sent_once(
    d: Driver, tmp_path: Path, point: str, sent_before: int
) -> None:
    welcome = await d.queued()
    await d.dies_at(point, tmp_path / "fired")
    assert len(await d.gateway.messages(welcome)) == sent_before
    assert await d.state(welcome) is State.QUEUED
    d.later()
    await d.sender().send_batch()
    (message,) = await d.gateway.messages(welcome)
    assert message["repeats"] == sent_before
    sent = await d.message(welcome)
    assert (sent.state, sent.attempts) == (State.SENT, 2)


@pytest.mark.parametrize(("point", "sent_before"), [("N4", 0), ("N5", 1)])
async def test_with_any_other_provider_it_ends_in_unknown(
    d: Driver, tmp_path: Path, point: str, sent_before: int
) -> None:
    welcome = await d.queued()
    await d.gateway.behave(honours_keys=False, receipts="never")
    await d.dies_at(point, tmp_path / "fired")
    d.later()
    await d.sender(honours_keys=False).send_batch()
    unknown = await d.message(welcome)
    assert (unknown.state, unknown.attempts) == (State.UNKNOWN, 1)
    assert len(await d.gateway.messages(welcome)) == sent_before
