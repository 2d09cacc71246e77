"""A cell and a box that somebody altered by hand: the copy says `unreadable` there and gives the rest; only what was opened counts as seen."""

from __future__ import annotations

import asyncpg
import pytest

from contracts.reads import PersonalDataRead
from tests.faults.threats.served import served
from tests.integration.export.held import is_whole
from tests.integration.payments.people import register
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(300)
ALTERED = (
    "UPDATE payers SET name = set_byte(name, length(name) - 1, get_byte(name, length(name) - 1) # 1)",
    """UPDATE event_log SET payload = convert_to(regexp_replace(convert_from(payload, 'UTF8'), '("box": ?")....', '\\1AAAA'), 'UTF8')""",
)


async def test_what_no_key_opens_is_told_as_unreadable_and_the_rest_is_given(stack: Stack) -> None:
    async with served("payments", stack) as h:
        who = await register(h)
        headers = h.token(roles=["participant"], participant_id=who.participant_id)
        path = f"/participants/{who.participant_id}/export"
        before = is_whole((await h.client.get(path, headers=headers)).json())
        insider = await asyncpg.connect(stack.admin_of(h.app.settings.database_url))
        try:
            for change in ALTERED:
                await insider.execute(change)
        finally:
            await insider.close()
        after = is_whole((await h.client.get(path, headers=headers)).json())
        trail = [one.event for one in await h.events("reads-payments") if isinstance(one.event, PersonalDataRead)]
    payer, altered = (one["tables"][0]["rows"][0] for one in (before, after))
    assert payer["name"] != "unreadable" and altered == {**payer, "name": "unreadable"}
    added, told = (next(e for e in one["events"] if e["type"] == "PayerAdded")["data"] for one in (before, after))
    assert added["payer"] != "unreadable" and told == {**added, "payer": "unreadable"}
    assert [{one.kind for one in event.opened} for event in trail] == [{"payers", "event_log"}], "the first copy alone"
