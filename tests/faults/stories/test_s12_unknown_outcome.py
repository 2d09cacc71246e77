"""S12: "never sent" and "sent, and not recorded" are two states, under one reference, with one effect outside.

Others had one status for both and paid twice (open-bank-oss #4218, #4275). Here a sender dies before its call (N4) and after the gateway
accepted (N5), and answers get lost; with a gateway that honours our key, and with one that does not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from contracts.values import NotificationId
from services.notifications.domain.notification import State
from tests.faults.evidence import Evidence, Violation
from tests.faults.stories.facts import wrong
from tests.integration.notifications.driver import Driver, GatewayAtHand, driven
from tests.support.stack import Stack
from tests.unit.deploy.serving import process

API_KEY, SECRET = "gateway-key-of-the-tests", "webhook-secret-of-the-tests"
NOBODY_LISTENS = 1
PEOPLE = 6
TAKEN_BUT_UNHEARD = ("timeout_after_accepting", "error_after_accepting")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAtHand]:
    values = {
        "DATA_DIR": str(tmp_path_factory.mktemp("gateway") / "data"),
        "API_KEY": API_KEY,
        "WEBHOOK_URL": f"http://127.0.0.1:{NOBODY_LISTENS}/gateway/receipts",
        "WEBHOOK_SECRET": SECRET,
    }
    with process("gateway", values) as (_, url):
        yield GatewayAtHand(url, API_KEY, SECRET, NOBODY_LISTENS)


@pytest.fixture
async def d(stack: Stack, gateway: GatewayAtHand) -> AsyncIterator[Driver]:
    async with driven(stack, gateway) as driver:
        yield driver


async def sent(d: Driver, notices: Sequence[NotificationId]) -> dict[NotificationId, list[dict[str, Any]]]:
    """What the gateway holds per notice, in its own store: each of these was shown on a phone."""
    return {notice: await d.gateway.messages(notice) for notice in notices}


async def judge(d: Driver, evidence: Evidence, notices: Sequence[NotificationId], *, state: State, shown: int) -> None:
    """I4: so many messages were shown per notice, under one key, and our state says as much as we can know."""
    found: list[Violation] = []
    for notice, messages in (await sent(d, notices)).items():
        if len(messages) != shown:
            found.append(wrong("gateway", notice, f"{shown} shown", f"{len(messages)} shown"))
        if (is_ := await d.state(notice)) is not state:
            found.append(wrong("notifications", notice, state, is_))
    evidence.holds("I4", checked=len(notices), violations=found)


@pytest.mark.cell("story.S12", fault="S12", service="notifications")
@pytest.mark.parametrize("point", ["N4", "N5"])
async def test_sender_killed_after_the_gateway_accepted_sends_nothing_twice(
    d: Driver, evidence: Evidence, tmp_path: Path, point: str
) -> None:
    await d.gateway.behave(receipts="never")
    notices = [await d.queued() for _ in range(PEOPLE)]
    await d.dies_at(point, tmp_path / "fired")
    before = sum([len(messages) for messages in (await sent(d, notices)).values()])
    evidence.fired(int(before == (PEOPLE if point == "N5" else 0)), of=1, unit="kill")
    d.later()
    await d.sender().send_batch()
    await judge(d, evidence, notices, state=State.SENT, shown=1)


@pytest.mark.cell("story.S12", fault="S12", service="notifications")
@pytest.mark.parametrize(("point", "shown"), [("N4", 0), ("N5", 1)])
async def test_where_keys_are_not_honoured_an_open_attempt_ends_as_unknown(
    d: Driver, evidence: Evidence, tmp_path: Path, point: str, shown: int
) -> None:
    """Whether it was sent cannot be known: it is said so, and nothing is sent blindly."""
    await d.gateway.behave(honours_keys=False, receipts="never")
    notices = [await d.queued() for _ in range(PEOPLE)]
    await d.dies_at(point, tmp_path / "fired")
    evidence.fired(1, of=1, unit="kill")
    for _ in range(3):
        d.later()
        await d.sender(honours_keys=False).send_batch()
    await judge(d, evidence, notices, state=State.UNKNOWN, shown=shown)


@pytest.mark.cell("story.S12", fault="S12", service="notifications")
@pytest.mark.parametrize("answer", TAKEN_BUT_UNHEARD)
@pytest.mark.parametrize("honours", [True, False])
async def test_lost_answer_is_asked_again_only_where_the_key_is_honoured(
    d: Driver, evidence: Evidence, answer: str, honours: bool
) -> None:
    await d.gateway.behave(answer=answer, answers=PEOPLE, timeout_s=3, honours_keys=honours, receipts="never")
    d.hurry()
    notices = [await d.queued() for _ in range(PEOPLE)]
    await d.sender(honours_keys=honours).send_batch()
    taken = sum([len(messages) for messages in (await sent(d, notices)).values()])
    evidence.fired(taken, of=PEOPLE, unit="request")
    for _ in range(3):
        d.later()
        await d.sender(honours_keys=honours).send_batch()
    await judge(d, evidence, notices, state=State.SENT if honours else State.UNKNOWN, shown=1)


@pytest.mark.cell("story.S12", fault="S12", service="notifications")
async def test_never_sent_is_no_unknown_and_is_sent_later(d: Driver, evidence: Evidence) -> None:
    """The control: a gateway that certainly took nothing leaves the notice queued, whoever honours keys."""
    await d.gateway.behave(answer="too_many_requests", answers=PEOPLE, honours_keys=False, receipts="never")
    notices = [await d.queued() for _ in range(PEOPLE)]
    await d.sender(honours_keys=False).send_batch()
    evidence.fired(PEOPLE, of=PEOPLE, unit="request")
    await judge(d, evidence, notices, state=State.QUEUED, shown=0)
    d.later()
    await d.sender(honours_keys=False).send_batch()
    await judge(d, evidence, notices, state=State.SENT, shown=1)
