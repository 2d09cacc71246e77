"""An operator's rebase is for stopped writers only."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from chassis.rebase import WritersRunning, assert_writers_stopped
from chassis.service import App
from tests.support.stack import Stack
from tests.support.toy import COUNTING, toy


async def test_rebase_is_refused_while_a_writer_is_connected(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        operator = App(COUNTING, h.app.settings)
        try:
            await assert_writers_stopped(operator.engine)
            async with h.app.engine.connect() as writer:
                await writer.execute(sa.text("SELECT 1"))
                with pytest.raises(WritersRunning):
                    await assert_writers_stopped(operator.engine)
        finally:
            await operator.close()
