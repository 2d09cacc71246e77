"""S16: a thousand connections at once, each with a request (OpenCRVS #12880: 150 simultaneous logins exhausted the memory). Whoever cannot be
served is told when to come again; the process lives, under its memory cap, and serves the next one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from urllib.parse import urlsplit

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import violation
from tests.faults.environment.f20_overload import grown
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
CONNECTIONS, WAITS_S = 1_000, 60.0


@cell(
    "story.S16",
    fault="S16",
    service="registration",
    process="registration-api",
    action="crowd",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def crowd(ground: Ground) -> Injected:
    """All of them connect before the first one asks."""
    town, pid = ground.estate.town, ground.estate.pid("registration-api")
    url = urlsplit(ground.estate.url("registration-api"))
    token = await town.doors.token(town.cast.agents[0])
    request = (
        f"GET /participants/counts HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    ).encode()
    doors = await asyncio.gather(*(asyncio.open_connection(url.hostname, url.port) for _ in range(CONNECTIONS)))
    async with asyncio.timeout(WAITS_S):
        answers = Counter(await asyncio.gather(*(ask(reader, writer, request) for reader, writer in doors)))
    allowed = {"200", "429 with Retry-After", "503 with Retry-After"}
    bad = {answer: count for answer, count in answers.items() if answer not in allowed}
    told = grown(ground, "registration-api", pid, planned=CONNECTIONS)
    told.fired = len(doors)
    told.found = {
        **told.found,
        **violation("I1", "answers", expected=" or ".join(sorted(allowed)), actual=f"{bad}", holds=not bad),
    }
    return told


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> str:
    """Sends the request over this connection; status of the answer, and whether a refusal says when to come again."""
    try:
        writer.write(request)
        answer = (await reader.read()).decode()
    except OSError as error:
        return type(error).__name__
    finally:
        writer.close()
    status = answer.partition(" ")[2][:3] or "nothing"
    refused = status in ("429", "503") and "\nretry-after:" in answer.lower()
    return f"{status} with Retry-After" if refused else status
