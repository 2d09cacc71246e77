"""`python -m services.audit.verification.worker`: judges ranges for a verification that runs in another process.

A range a line on stdin, what it showed a line on stdout; ends when stdin does, so it never outlives who started it.
"""

from __future__ import annotations

import asyncio
import sys

from chassis import memory
from chassis.database import make_engine
from chassis.settings import load
from services.audit.settings import Settings
from services.audit.verification.parts import judge
from services.audit.verification.written import part_as_text, range_of


async def main() -> None:
    own = load(Settings)
    memory.settle()
    engine, _ = make_engine(own.database_url, name="perisai-audit-worker", pool_size=1)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            async with engine.connect() as conn:
                part = await judge(conn, own.audit_folder, range_of(line), own.shelf)
            print(part_as_text(part), flush=True)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
