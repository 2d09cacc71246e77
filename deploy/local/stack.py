"""The whole stack in one folder: what is given from outside is used, the rest is started here and ends with this process.

async with LocalStack(folder, services=SERVICES) as stack:
    stack.url("registration")          # where its API is
    await stack.kill("kafka")          # faults, by name
    await stack.restart("kafka")
"""

import asyncio
import json
import os
import platform
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from chassis.clock import SystemClock
from deploy import topics
from deploy.local import disk, places, ports, programs
from deploy.local.kafka import broker, cluster, jars
from deploy.local.postgres import databases
from deploy.local.process import Program
from deploy.local.secret import Secrets, write_private
from deploy.local.servers import Kafka, Postgres, given_kafka, given_postgres, start_kafka, start_postgres
from deploy.local.state import Ident, State, StateFile, end_leftovers
from deploy.local.supervisor import Supervisor

SERVICES = ("registration", "payments", "notifications", "audit")
OUTSIDE = ("issuer", "bank", "acquirer", "gateway")

T = TypeVar("T")


def _silent(*_: str) -> None:
    """Says nothing."""


class LocalStack:
    """See the module. `environ` holds KAFKA_BOOTSTRAP, DATABASE_URL and demanded ports; `business_time` is the date that a
    new folder's services, bank and acquirer live in (default: today); `brokers`: one or three; `links`: each broker has a second door whose
    clients look for it at the port `<its name>-link`, where a test puts something in the way; `tell` gets progress, `echo` the children's lines.

    Entering raises Trouble if anything cannot be had; whatever had been started by then is ended again.
    """

    kafka: Kafka
    postgres: Postgres

    def __init__(
        self,
        folder: Path,
        *,
        services: Sequence[str] = (),
        outside: Sequence[str] = (),
        environ: Mapping[str, str] = os.environ,
        business_time: datetime | None = None,
        idle: bool = False,
        brokers: int = 1,
        links: bool = False,
        tell: Callable[[str], None] = _silent,
        echo: Callable[[str, str], None] = _silent,
    ) -> None:
        self.folder = folder
        self.services = tuple(services)
        self.outside = tuple(outside)
        self.idle = idle
        """The services' databases and ports are made, but whoever asked for that runs the services (tests)."""
        self.brokers = cluster.names(brokers)
        """The names of the brokers that are ours to run: `kafka`, or `kafka-1` to `kafka-3`."""
        self.environ = environ
        self.secrets = Secrets(folder / "secrets")
        self.more: dict[str, dict[str, str]] = {}
        """Further variables of a service, or settings of a broker, by its name, from its next start on: roles, faults (tests)."""
        self.business_offset = timedelta(0)
        self.start_seconds = 0.0
        self.ports: dict[str, int] = {}
        self._links = links
        self._business_time = business_time
        self._tell = tell
        self._echo = echo
        self._file = StateFile(folder)
        self._starters: dict[str, Callable[[], Awaitable[None]]] = {}

    async def __aenter__(self) -> Self:
        began = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file.acquire()
        self.business_offset = self._business_offset()
        self._supervisor = Supervisor(self.folder / "logs", tell=self._tell, echo=self._echo)
        try:
            await self.unless_crashed(self._start())
        except BaseException:
            await self._end()
            raise
        self.start_seconds = time.monotonic() - began
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    def url(self, name: str) -> str:
        """The address of a service or an outside party."""
        return f"http://{ports.HOST}:{self.ports[name]}"

    @property
    def databases(self) -> databases.Server:
        """The databases' addresses for each service and role."""
        return databases.Server(self.postgres.admin_url, self.environ.get("PERISAI_DATABASE_PREFIX", ""))

    async def stop(self, name: str) -> None:
        """Stops one process in order (SIGTERM, for PostgreSQL a fast shutdown); it stays down until `restart`."""
        await self._supervisor.stop(name)

    async def kill(self, name: str) -> None:
        """`kill -9` of one process; it stays down until `restart`."""
        await self._supervisor.kill(name)

    async def restart(self, name: str) -> None:
        """Starts one process again, at the same ports and on the same data, after stopping it if it runs; returns when it is ready.

        The last broker of a cluster to come back is ready when every replica is in sync.
        """
        await self._supervisor.stop(name)
        await self._starters[name]()
        self._note()
        if len(self.brokers) > 1 and name in self.brokers and all(self.running(one) for one in self.brokers):
            await cluster.until_in_sync(self.kafka.bootstrap)

    def running(self, name: str) -> bool:
        return self._supervisor.processes[name].running

    def pid(self, name: str) -> int:
        return self._supervisor.processes[name].pid

    async def until_crash(self) -> None:
        """Raises Trouble when a process ends unasked."""
        raise await self._supervisor.crashed()

    @property
    def topic_prefix(self) -> str:
        return self.environ.get("PERISAI_TOPIC_PREFIX") or topics.declared_prefix()

    def names(self) -> dict[str, str]:
        """What the stack is made of, with versions."""
        return {"kafka": self.kafka.about, "postgres": self.postgres.version, "python": platform.python_version()}

    def facts(self) -> dict[str, str]:
        """Addresses and versions, for people and for processes that use this stack."""
        return {
            **self.names(),
            "KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "DATABASE_URL": self.postgres.admin_url,
            **{name: self.url(name) for name in (*self.outside, *self.services)},
        }

    async def unless_crashed(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives, unless a process ends before it is done: then Trouble."""
        doing, crash = asyncio.create_task(work), asyncio.create_task(self.until_crash())
        try:
            await asyncio.wait({doing, crash}, return_when=asyncio.FIRST_COMPLETED)
            if crash.done():
                crash.result()
            return await doing
        finally:
            for task in (doing, crash):
                task.cancel()
            await asyncio.gather(doing, crash, return_exceptions=True)

    async def forget_given_servers(self) -> None:
        """Deletes this stack's databases and topics on servers that outlive it; its services are stopped first."""
        await self._stop_programs()
        if not self.postgres.embedded:
            await databases.drop(self.databases, self.services)
        if not self.kafka.embedded:
            await topics.delete(self.kafka.bootstrap, topics.declared(prefix=self.topic_prefix))

    async def _start(self) -> None:
        state = self._file.read()
        for name in end_leftovers(state):
            self._tell(f"ended {name}, left over from a run whose supervisor is gone")
        disk.require_space(self.folder)
        if not self.environ.get("KAFKA_BOOTSTRAP"):
            cluster.refuse_other_size(self.folder, len(self.brokers))
        self.ports = ports.choose(self._needed_ports(), previous=state.ports, demanded=self.environ)
        self._note()
        await together(self._with_topics(), self._with_databases(), *(self._begin(name) for name in self.outside))
        if not self.idle:
            await together(*(self._begin(name) for name in self.services))
        self._note(self.facts())

    async def _with_topics(self) -> None:
        if bootstrap := self.environ.get("KAFKA_BOOTSTRAP"):
            self.kafka = await given_kafka(bootstrap)
        else:
            await asyncio.to_thread(jars.class_path, places.cache() / "jars", tell=self._tell)  # once for all of them
            await together(*(self._begin(name) for name in self.brokers))
        await together(
            topics.ensure(self.kafka.bootstrap, topics.declared(prefix=self.topic_prefix)),
            broker.prepare_groups(self.kafka.bootstrap),
        )

    async def _with_databases(self) -> None:
        if url := self.environ.get("DATABASE_URL"):
            self.postgres = await given_postgres(url)
        else:
            await self._begin("postgres")
        await databases.create(self.databases, self.services)
        await self._supervisor.run_all([programs.migration(self, service) for service in self.services])

    async def _begin(self, name: str) -> None:
        """Starts one process in the way that `restart` will use again."""
        special = {name: partial(self._begin_kafka, name) for name in self.brokers} | {"postgres": self._begin_postgres}
        self._starters[name] = special.get(name) or partial(self._begin_program, name)
        await self._starters[name]()
        self._note()

    async def _begin_kafka(self, name: str) -> None:
        nodes = cluster.nodes(len(self.brokers), self.ports)
        node = nodes[self.brokers.index(name)]
        jars_folder, more = places.cache() / "jars", self.more.get(name, {})
        self.kafka = await start_kafka(self._supervisor, self.folder, jars_folder, node, nodes, more)

    async def _begin_postgres(self) -> None:
        self.postgres = await start_postgres(self._supervisor, self.folder / "postgres", self.ports["postgres"])

    async def _begin_program(self, name: str) -> None:
        program = programs.PROGRAMS[name](self)
        if name in self.services:
            self._remember_environment(program)
        await self._supervisor.start(program, ready=programs.answers_ready(self.url(name)))

    def _remember_environment(self, program: Program) -> None:
        """So that `perisai SERVICE …` runs under the same settings as the service itself; readable by the owner only."""
        own = {name: value for name, value in program.env.items() if name.startswith("PERISAI_")}
        write_private(self.folder / "environments" / f"{program.name}.json", json.dumps(own))

    def _business_offset(self) -> timedelta:
        """Business time minus wall time as of the folder's first start: months that closed stay closed."""
        file = self.folder / "business-offset"
        if not file.exists():
            clock = SystemClock()
            offset = (self._business_time or clock.wall()) - clock.wall()
            file.write_text(str(round(offset.total_seconds())))
        return timedelta(seconds=int(file.read_text()))

    def _needed_ports(self) -> list[str]:
        given = self.environ.get("KAFKA_BOOTSTRAP")
        kafka = [] if given else cluster.port_names(len(self.brokers), links=self._links)
        postgres = [] if self.environ.get("DATABASE_URL") else ["postgres"]
        return [*kafka, *postgres, *OUTSIDE, *SERVICES]  # each is told where the others are, or would be

    def _note(self, facts: dict[str, str] | None = None) -> None:
        """Writes down who runs where, so that the next start finds the same ports and ends what this one may leave behind."""
        processes = {
            name: Ident.of(process.pid) for name, process in self._supervisor.processes.items() if process.running
        }
        self._file.write(State(Ident.of(os.getpid()), self.ports, processes, facts or {}))

    async def _stop_programs(self) -> None:
        """Ours and the outside parties, before the servers they write to; those of one kind together."""
        for kind in (self.services, self.outside):
            started = [name for name in kind if name in self._supervisor.processes]
            await asyncio.gather(*(self._supervisor.stop(name) for name in started))

    async def _end(self) -> None:
        await self._stop_programs()
        await self._supervisor.stop_all()
        self._file.write(State(None, self.ports or self._file.read().ports))
        self._file.release()


async def together(*works: Awaitable[None]) -> None:
    """All of them at once; the first failure ends the others and is raised as it is."""

    async def one(work: Awaitable[None]) -> None:
        await work

    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(one(work))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
