"""The stack with every role of every service as a process of its own, so that a fault meets one role and not its neighbours.

async with open_estate(folder) as estate:
    await estate.restart("payments-consumers", FAULT_AT="P4:…", FAULT_LOG=…)
    code = await estate.until_exit("payments-consumers")

Processes are forked from one warm parent (tests/support/nursery.py) in the test environment; servers and outside parties are those of
`LocalStack`. The history is played: a branch, a Wadah, five agents, the bank; business time stands in the month of the outreach day.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local import places, ports, programs
from deploy.local.outreach import history
from deploy.local.outreach.doors import Doors
from deploy.local.postgres import databases
from deploy.local.secret import write_private
from deploy.local.stack import OUTSIDE, LocalStack
from tests.support.eventually import eventually
from tests.system.town import Town

ROLES = {
    "registration": ("api", "relay", "consumers", "timers", "workers"),
    "payments": ("api", "relay", "consumers", "timers", "workers"),
    "notifications": ("api", "relay", "consumers", "workers"),
}
"""The roles that each service has something to do in."""
SERVICES = tuple(ROLES)
"""Audit is not among them: what it archives has no effect on the others. Cells that are about it let it join (decisions 210 and 260)."""
READY_WITHIN_S = 60.0


@dataclass
class Child:
    """One process of a service. `code` is None while it runs; `ended_at` is monotonic; `tree`: the build that it runs."""

    name: str
    service: str
    roles: str
    port: int
    pid: int = 0
    code: int | None = None
    ended_at: float = 0.0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    tree: Path = places.PROJECT


class Estate:
    """See the module. `told` is called when a process ends, whoever asked for it."""

    town: Town

    def __init__(self, stack: LocalStack, client: httpx.AsyncClient) -> None:
        self.stack, self.client = stack, client
        self.children: dict[str, Child] = {}
        self.told: Callable[[Child], None] = lambda child: None
        self._nurseries: dict[Path, asyncio.subprocess.Process] = {}
        self._listening: list[asyncio.Task[None]] = []
        self._births: dict[str, asyncio.Future[int]] = {}

    @property
    def names(self) -> list[str]:
        return [*self.children]

    @property
    def services(self) -> tuple[str, ...]:
        """Those that play just now."""
        return tuple(dict.fromkeys(child.service for child in self.children.values()))

    def url(self, name: str) -> str:
        """Where a process answers `/health/ready`, `/metrics` and operators."""
        return f"http://{ports.HOST}:{self.children[name].port}"

    def log(self, name: str) -> Path:
        return self.stack.folder / "logs" / f"{name}.log"

    def running(self, name: str) -> bool:
        return self.children[name].pid != 0 and self.children[name].code is None

    def pid(self, name: str) -> int:
        return self.children[name].pid

    async def add(self, name: str, *, service: str, roles: str, start: bool = True, **environ: str) -> None:
        """A further process; started, and waited for, unless told otherwise."""
        port = self.stack.ports[service] if name == f"{service}-api" else _free_port(self._taken())
        self.children[name] = Child(name, service, roles, port)
        if start:
            await self.restart(name, **environ)

    async def join(self, service: str) -> None:
        """Makes the database of a service that was not there from the beginning, if there is none yet; its processes can be added then."""
        stack = self.stack
        await databases.create(stack.databases, (service,))
        migrating = programs.migration(stack, service)
        done = await asyncio.create_subprocess_exec(
            *migrating.argv, cwd=migrating.cwd, env=dict(migrating.env), stdout=asyncio.subprocess.DEVNULL
        )
        assert await done.wait() == 0, f"the database of {service} could not be made"

    async def leave(self, name: str) -> None:
        """Ends a process in order and forgets it."""
        await self._end(name)
        del self.children[name]

    async def start(self, name: str, **environ: str) -> None:
        """Forks the process, with these variables over its own; does not wait until it is ready."""
        child = self.children[name]
        assert not self.running(name), f"{name} runs"
        nursery = await self._nursery_of(child.tree)
        assert nursery.stdin is not None
        birth = self._births[name] = asyncio.get_running_loop().create_future()
        order = {"name": name, "service": child.service, "env": self._environment(child) | environ}
        nursery.stdin.write(json.dumps(order | {"log": str(self.log(name))}).encode() + b"\n")
        child.pid, child.code = 0, None  # the number of the dead belongs to nobody of ours
        child.ended = asyncio.Event()
        child.pid = await asyncio.shield(birth)

    async def restart(self, name: str, **environ: str) -> None:
        """Kills it if it runs, starts it, and returns once it is ready."""
        await self.kill(name)
        await self.start(name, **environ)
        await self.until_ready(name)

    async def kill(self, name: str) -> None:
        """SIGKILL, and waits until it is gone; one that is just being born is waited for first."""
        if birth := self._births.get(name):
            await asyncio.shield(birth)
            await asyncio.sleep(0)  # whoever started it knows its number first
        self.signal(name, signal.SIGKILL)
        await self.until_exit(name)

    async def stop(self, name: str) -> None:
        """SIGTERM, and waits until it has finished what it had in hand."""
        self.signal(name, signal.SIGTERM)
        await self.until_exit(name, within_s=40)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Sends a signal to the process, if it still runs."""
        if self.running(name):
            with contextlib.suppress(ProcessLookupError):  # it just ended, and we have not heard of it yet
                os.kill(self.pid(name), number)

    async def until_exit(self, name: str, *, within_s: float = 30) -> int:
        """Its exit code, negative for a signal; 0 for one that never ran."""
        child = self.children[name]
        if child.pid == 0:
            return 0
        async with asyncio.timeout(within_s):
            await child.ended.wait()
        return child.code or 0

    async def ready(self, name: str) -> bool:
        """Whether its probe answers 200 now."""
        try:
            return (await self.client.get(f"{self.url(name)}/health/ready", timeout=2)).status_code == 200
        except httpx.HTTPError:
            return False

    async def until_ready(self, name: str, *, within_s: float = READY_WITHIN_S) -> None:
        async def fine() -> bool:
            assert self.running(name), f"{name} ended with {self.children[name].code}; its log is {self.log(name)}"
            return await self.ready(name)

        await eventually(fine, within_s=within_s, what=f"{name} ready")

    def facts(self) -> dict[str, Any]:
        """All that the checker is told of where things are."""
        stack, prefix = self.stack, self.stack.topic_prefix
        services = self.services
        return {
            "services": {name: {"reader_url": stack.databases.url(name, "reader")} for name in services},
            "admin_url": stack.postgres.admin_url,
            "kafka": {
                "bootstrap": stack.kafka.bootstrap,
                "prefix": prefix,
                "topics": [*TOPICS],
                "dead_letters": f"{prefix}dead-letters",
            },
            "groups": {name: [f"{prefix}{name}.{topic}" for topic in FOLLOWED[name]] for name in services},
            "bank_url": stack.url("bank"),
            "acquirer_url": stack.url("acquirer"),
            "gateway_url": stack.url("gateway"),
            "metrics_urls": [f"{self.url(name)}/metrics" for name in self.children if self.running(name)],
            "files": [
                str(stack.folder / "logs" / "*.log"),
                str(stack.folder / "kafka*" / "data" / "**" / "*.log"),
                str(stack.folder / "checkpoints" / "**"),
            ],
            "archive": self._archive() if "audit" in services else None,
            "master_keys": {name: stack.secrets.key(f"master-key-{name}", size=64) for name in services},
            "nik_hash_key": stack.secrets.key("nik-hash-key", size=32),
            "commands": {
                "replay": {
                    name: {
                        "argv": [sys.executable, "-m", "deploy.cli", name, "replay", "--json"],
                        "env": self.environment(name),
                        "cwd": str(places.PROJECT),
                    }
                    for name in services
                }
            },
        }

    def write_facts(self, path: Path) -> Path:
        write_private(path, json.dumps(self.facts(), indent=1))
        return path

    def environment(self, service: str) -> dict[str, str]:
        """Of a command of that service."""
        return self._environment(next(child for child in self.children.values() if child.service == service))

    def _archive(self) -> dict[str, str]:
        """What an auditor holds: the log's name, its public key, and the folder of its checkpoints."""
        told = programs.PROGRAMS["audit"](self.stack).env
        seed = base64.b64decode(told["PERISAI_AUDIT_SIGNING_KEY"])
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return {
            "log": told.get("PERISAI_AUDIT_LOG", LOG),
            "public_key": base64.b64encode(public).decode(),
            "folder": told["PERISAI_AUDIT_FOLDER"],
        }

    def _environment(self, child: Child) -> dict[str, str]:
        own = {
            "PERISAI_ENVIRONMENT": "test",
            "PERISAI_ROLES": child.roles,
            "PERISAI_INSTANCE": child.name,
            "PERISAI_HTTP_PORT": str(child.port),
        }
        return {**programs.PROGRAMS[child.service](self.stack).env, **own}

    def _taken(self) -> set[int]:
        return {*self.stack.ports.values(), *(child.port for child in self.children.values())}

    @asynccontextmanager
    async def _with_nurseries(self) -> AsyncIterator[None]:
        try:
            await self._nursery_of(places.PROJECT)
            yield
            await asyncio.gather(*(self._end(name) for name in self.children))
        finally:
            for listening in self._listening:
                listening.cancel()
            for nursery in self._nurseries.values():
                nursery.kill()  # its children follow it
                await nursery.wait()

    async def _nursery_of(self, tree: Path) -> asyncio.subprocess.Process:
        """The warm parent of a build, which has imported when this returns."""
        if tree not in self._nurseries:
            nursery = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.support.nursery"),
                cwd=tree,
                env=os.environ | {"PYTHONPATH": str(tree)},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            self._nurseries[tree] = nursery
            assert nursery.stdout is not None
            await nursery.stdout.readline()
            self._listening.append(asyncio.create_task(self._listen(nursery.stdout), name=f"nursery of {tree.name}"))
        return self._nurseries[tree]

    async def _end(self, name: str) -> None:
        self.signal(name, signal.SIGCONT)
        try:
            await self.stop(name)
        except TimeoutError:
            await self.kill(name)

    async def _listen(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            told: Mapping[str, Any] = json.loads(line)
            if "started" in told:
                self._births.pop(told["started"]).set_result(told["pid"])
                continue
            child = self.children[told["ended"]]
            child.code, child.ended_at = told["code"], time.monotonic()
            child.ended.set()
            self.told(child)


READS = {
    "registration": ("contributions", "notifications"),
    "payments": ("participants", "agency"),
    "notifications": ("participants", "contributions"),
}
"""Which topics each service reads."""
TOPICS = ("participants", "agency", "contributions", "incentives", "notifications", "audit")
"""All of them, dead letters aside; audit reads every one."""
FOLLOWED = {**READS, "audit": TOPICS}
"""The same, with audit where it plays."""
LOG = "perisai.example/audit"


def _free_port(taken: set[int]) -> int:
    # any, not the lowest: a process that is down for a while must find its port again, whatever other estates start meanwhile
    return next(p for p in random.sample(ports.CHOICE, len(ports.CHOICE)) if p not in taken and ports.is_free(p))


@asynccontextmanager
async def open_estate(folder: Path, **more: Any) -> AsyncIterator[Estate]:
    """See the module; `more` goes to LocalStack."""
    async with (
        LocalStack(
            folder, services=SERVICES, outside=OUTSIDE, environ={}, business_time=history.BEGINS, idle=True, **more
        ) as stack,
        httpx.AsyncClient(timeout=60, trust_env=False, limits=httpx.Limits(max_connections=200)) as client,
    ):
        estate = Estate(stack, client)
        async with estate._with_nurseries():
            for service, roles in ROLES.items():
                for role in roles:
                    await estate.add(f"{service}-{role}", service=service, roles=role, start=False)
            await asyncio.gather(*(estate.start(name) for name in estate.names))
            await asyncio.gather(*(estate.until_ready(name) for name in estate.names))
            doors = Doors(stack, client)
            cast = await history.happen(stack, doors, lambda text: None)
            await history.reach_the_day(doors)
            estate.town = Town(stack, client, doors, cast)
            yield estate
