"""`perisai …` as somebody types it who has nothing but this checkout and a folder in which a stack runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any, NamedTuple

from deploy.local.places import PROJECT


class Typed(NamedTuple):
    """What came of it."""

    code: int
    out: str
    errors: str

    @property
    def told(self) -> Any:
        """Its JSON."""
        assert self.out, self.errors
        return json.loads(self.out)


async def typed(folder: Path, *words: str) -> Typed:
    """`perisai WORDS` as a process of its own."""
    return await ran(folder, sys.executable, "-m", "deploy.cli", *words)


async def ran(folder: Path, *argv: str) -> Typed:
    """A process beside the stack of that folder, with no settings of its caller's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERISAI_")}
    process = await asyncio.create_subprocess_exec(
        *argv, env=kept | {"PERISAI_HOME": str(folder)}, cwd=PROJECT, stdout=PIPE, stderr=PIPE
    )
    out, errors = await process.communicate()
    return Typed(process.returncode or 0, out.decode(), errors.decode())
