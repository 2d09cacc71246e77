"""A play that gets no answer ends with a sentence, and the stack that it played on stays up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.local.outreach.doors import opened
from deploy.local.secret import Secrets
from deploy.local.trouble import Trouble


class Silent:
    """Its bank takes a call and never answers."""

    services: Sequence[str] = ()

    def __init__(self, folder: Path, port: int) -> None:
        self.secrets, self.port = Secrets(folder), port

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}"


async def test_no_answer_is_told_by_who_was_asked(tmp_path: Path) -> None:
    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    place = Silent(tmp_path, server.sockets[0].getsockname()[1])
    with pytest.raises(Trouble, match=r"POST http://127\.0\.0\.1:\d+/pay-many was not answered \(ReadTimeout\)"):
        async with opened(place, timeout_s=0.5) as doors:
            await doors.outside("bank", "POST", "/pay-many?wait=true", {})
    server.close()
