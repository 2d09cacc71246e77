"""F4h: all topic data is gone, on every broker. PostgreSQL is the store: topics are made anew, every service's events are sent once more, readers
skip what they know, and what was on its way when the topics vanished arrives.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time

from deploy import topics
from deploy.local import places
from deploy.local.kafka import broker
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_busy
from tests.faults.ground import Ground
from tests.support.estate import SERVICES

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")


@cell(
    "env.F4h",
    fault="F4h",
    service="chassis",
    process="kafka",
    action="wipe",
    invariants=INVARIANTS,
    tiers=("long",),
    brokers=3,
    budget_s=30,
)
async def wiped(ground: Ground) -> Injected:
    """Kills the brokers under load and deletes their folders; an operator makes the topics and republishes, while no relay runs: an event
    that it sent into the new topics would stand there before those that came earlier (I6)."""
    stack = ground.estate.stack
    relays = [f"{service}-relay" for service in SERVICES]
    async with flowing(ground), ground.held(*relays):
        await until_busy(ground, "payments")
        await asyncio.gather(*(stack.kill(name) for name in stack.brokers))
        wiped = [await asyncio.to_thread(wipe, ground, name) for name in stack.brokers]
        await asyncio.gather(*(ground.estate.stop(relay) for relay in relays))
        await asyncio.gather(*(stack.restart(name) for name in stack.brokers))
        await topics.ensure(stack.kafka.bootstrap, topics.declared(prefix=stack.topic_prefix))
        await broker.prepare_groups(stack.kafka.bootstrap)
        commands = [await republish(ground, service) for service in SERVICES]
        await asyncio.gather(*(ground.estate.restart(relay) for relay in relays))
    return Injected(
        planned=len(stack.brokers),
        fired=sum(wiped),
        unit="edit",
        ended_at=time.monotonic(),
        operator_actions=["relays stopped", "topics created", *commands, "relays started"],
    )


def wipe(ground: Ground, name: str) -> bool:
    """Deletes a broker's data; the id of its cluster stays, as it would in a deployment's settings."""
    data = ground.estate.stack.folder / name / "data"
    there = any(data.iterdir())
    shutil.rmtree(data)
    return there


async def republish(ground: Ground, service: str) -> str:
    """Sends every event of the service once more. Gives the command."""
    return await operate(ground, service, "republish")


async def operate(ground: Ground, service: str, command: str) -> str:
    """`perisai SERVICE COMMAND` under the service's own settings; AssertionError if it fails. Gives the command."""
    told = ground.estate.facts()["commands"]["replay"][service]
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", service, command),
        env=told["env"],
        cwd=places.PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await done.communicate()
    assert done.returncode == 0, f"{command} of {service} failed: {said.decode()[-500:]}"
    return f"perisai {service} {command}"
