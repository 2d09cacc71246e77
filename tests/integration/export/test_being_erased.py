"""Between the end of a person's key and the word of it that reaches a service: no copy is given, and nothing counts as seen."""

from __future__ import annotations

import pytest

from tests.faults.threats.served import served
from tests.integration.payments.people import register
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(300)


async def test_who_is_being_erased_is_given_no_copy_of_what_is_still_there(stack: Stack) -> None:
    async with served("payments", stack) as h:
        who = await register(h)
        headers = h.token(roles=["participant"], participant_id=who.participant_id)
        path = f"/participants/{who.participant_id}/export"
        assert (await h.client.get(path, headers=headers)).status_code == 200
        before = len(await h.events("reads-payments"))
        h.forget(who.participant_id)
        answer = await h.client.get(path, headers=headers)
        after = len(await h.events("reads-payments"))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
    assert {*answer.json()} & {"tables", "events"} == set() and who.code not in answer.text
    assert after == before
