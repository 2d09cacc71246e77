"""What a process tells operators about itself."""

from __future__ import annotations

import httpx

from tests.faults.ground import Ground

STOPPED = "perisai_relay_stopped"
ANSWERED = "perisai_http_requests_total{"


async def metric(ground: Ground, name: str, wanted: str) -> float:
    """The value of one metric without labels, as the process tells it; -1 if it does not. Raises httpx.HTTPError while it is away."""
    text = (await ground.estate.client.get(f"{ground.estate.url(name)}/metrics")).text
    lines = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(wanted + " ")]
    return float(lines[0]) if lines else -1.0


async def answered(ground: Ground, name: str, status: int) -> int:
    """How many requests the process has answered with this status since it began."""
    text = (await ground.estate.client.get(f"{ground.estate.url(name)}/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith(ANSWERED) and f'status="{status}"' in line]
    return round(sum(float(line.rpartition(" ")[2]) for line in lines))


async def stopped(ground: Ground, name: str) -> bool:
    """Whether this process's relay refuses to go on, tells so in its metrics, and is not ready."""
    try:
        return await metric(ground, name, STOPPED) == 1 and not await ground.estate.ready(name)
    except httpx.HTTPError:
        return False
