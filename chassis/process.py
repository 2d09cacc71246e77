"""One process of a service: all roles or some, one event loop, started through uvloop and stopped gracefully.

`python -m services.<name>` calls `main`. A role that dies takes the process down, so a supervisor sees it; an outage never kills a role.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Mapping, Sequence

import uvloop
from aiokafka.errors import KafkaError
from fastapi import APIRouter, FastAPI
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber

from chassis import faults, memory, operations, restored
from chassis.attention import Attention
from chassis.businessclock import BusinessClock
from chassis.consumer import Consumer
from chassis.database import is_outage
from chassis.deadletters import DeadLetters
from chassis.http.app import Check, create_app
from chassis.http.auth import Verifier
from chassis.http.keys import RemoteKeys
from chassis.http.limits import Limits
from chassis.http.server import server as http_server
from chassis.parking import Parking
from chassis.privacy import keys as person_keys
from chassis.reader import Keeper, Reader
from chassis.relay import Relay
from chassis.service import App, Service, Worker
from chassis.settings import Role, StartRefused, load
from chassis.subscribing import measure, subscribe
from chassis.telemetry import configure_logs, configure_traces, log, names, stop_traces
from chassis.timers import Timers

DRAIN_S = 20.0
RESTART_S = 1.0
START_S = 30.0
LAG_EVERY_S = 5.0
LOOK_S = 3.0


def main(service: Service) -> None:
    """Runs until SIGTERM or SIGINT; the exit code is 2 when the settings refuse to start, with one sentence per fault."""
    try:
        settings = load(service.settings)
    except StartRefused as refused:
        sys.exit(f"{service.name} does not start:\n{refused}")
    faults.arm()
    configure_logs(service.name, settings.logs_as, settings.log_level)
    configure_traces(service.name, endpoint=settings.otlp_endpoint)
    try:
        process = Process(App(service, settings))
        memory.settle()
        uvloop.run(process.run())
    finally:
        stop_traces()


class Process:
    """The running roles of one `App`."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.stop = asyncio.Event()
        roles, self._bootstrap = app.settings.roles, app.settings.kafka_bootstrap.split(",")
        self.relay = self._make_relay() if Role.RELAY in roles else None
        self.letters = self._make_letters()
        self.consumers = self._make_consumers() if Role.CONSUMERS in roles else []
        self.readers: list[Reader] = [*self.consumers, *(self._make_keepers() if Role.CONSUMERS in roles else [])]
        self.parking = Parking(app.engine, app.batches, self.consumers)
        self.clock = BusinessClock(app)
        self.subscribers: list[BatchSubscriber] = []
        self._broker: KafkaBroker | None = None

    async def run(self) -> None:
        """Until stopped. Finishes the batch in hand; a role that fails for good ends the process with its error."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        log.info(names.PROCESS_STARTED, instance=self.app.instance, roles=sorted(self.app.settings.roles))
        try:
            await self._erasures_first()
            await self.clock.start()
            async with asyncio.TaskGroup() as group:
                for name, task in {} if self.stop.is_set() else self.tasks().items():
                    group.create_task(task(self.stop), name=name)
        finally:
            await self.app.close()
            log.info(names.PROCESS_STOPPED, instance=self.app.instance)

    def tasks(self) -> dict[str, Worker]:
        roles, parts = self.app.settings.roles, self.app.composition
        tasks: dict[str, Worker] = {
            "clock": self.clock.follow,
            "http": self._serve,
            "keys": self.app.keys.keep,
        }
        if self.relay is not None:
            tasks["relay"] = self.relay.run
        if self.readers:
            tasks["consumers"] = self._consume
        if self.consumers:
            tasks["parking"] = self.parking.run
            tasks["letters"] = self.letters.keep
        if Role.TIMERS in roles and parts.timers:
            timers = Timers(
                self.app.engine, self.app.batches, self.app.clock, parts.timers, service=self.app.service.name
            )
            tasks["timers"] = timers.run
        if Role.TIMERS in roles and parts.concerns:
            tasks["attention"] = Attention(self.app.engine, self.app.clock, parts.concerns).run
        if Role.WORKERS in roles:
            tasks |= {f"worker-{name}": _kept_alive(name, worker) for name, worker in parts.workers.items()}
        return tasks

    def _make_relay(self) -> Relay:
        settings = self.app.settings
        return Relay(
            self.app.engine,
            service=self.app.service.name,
            instance=self.app.instance,
            bootstrap=self._bootstrap,
            prefix=settings.topic_prefix,
            catalogue=self.app.service.catalogue,
        )

    def _make_letters(self) -> DeadLetters:
        app = self.app
        return DeadLetters(
            app.engine,
            app.wrap,
            app.vault,
            app.clock,
            bootstrap=self._bootstrap,
            service=app.service.name,
            instance=app.instance,
            prefix=app.settings.topic_prefix,
            days=app.settings.dead_letter_days,
            erased=app.forget.happened,
        )

    def _make_consumers(self) -> list[Consumer]:
        app = self.app
        subscribed = [subscription.topic for subscription in app.composition.subscriptions]
        if len(set(subscribed)) < len(subscribed):
            raise ValueError(
                "two subscriptions share a topic: progress is per service, so one would take the other's events"
            )
        return [
            Consumer(
                subscription,
                service=app.service.name,
                catalogue=app.service.catalogue,
                batches=app.batches,
                keys=app.keys,
                letters=self.letters,
            )
            for subscription in app.composition.subscriptions
        ]

    def _make_keepers(self) -> list[Keeper]:
        app = self.app
        return [Keeper(topic, keep, service=app.service.name) for topic, keep in app.composition.keepers.items()]

    async def _erasures_first(self) -> None:
        """Returns once nothing erased stands in the database, or when stopped. Meanwhile probes are answered, and nothing else is."""
        looking = asyncio.create_task(restored.before_serving(self.app, restored.following(self.app)), name="erasures")
        stopping = asyncio.create_task(self.stop.wait(), name="erasures-stop")
        await asyncio.wait({looking, stopping}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        if not looking.done() and not stopping.done():
            shut = asyncio.Event()
            door = asyncio.create_task(self._serve_as(self._shut(), shut), name="shut-door")
            await asyncio.wait({looking, stopping, door}, return_when=asyncio.FIRST_COMPLETED)
            shut.set()
            await door
        stopping.cancel()
        if self.stop.is_set():
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        else:
            await looking

    def _shut(self) -> FastAPI:
        """Not ready, and every request is told to come again."""

        async def waits() -> str:
            return "the database may have lost erasures"

        return self._application([], {"erasures": waits}, Limits(max_concurrent=0))

    async def _serve(self, stop: asyncio.Event) -> None:
        await self._serve_as(self.asgi(), stop)

    async def _serve_as(self, asgi: FastAPI, stop: asyncio.Event) -> None:
        settings = self.app.settings
        server = http_server(asgi, host=settings.http_host, port=settings.http_port, drain_s=int(DRAIN_S))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server._serve(), name="uvicorn")
        stopping = asyncio.create_task(stop.wait(), name="api-stop")
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()
        await serving
        if not stop.is_set():
            raise RuntimeError(f"the HTTP server could not serve on {settings.http_host}:{settings.http_port}")

    def asgi(self) -> FastAPI:
        """The HTTP application: probes and operators' routes in every process; with the role API the service's own
        routes and, where keys are kept, the key door.
        """
        app, settings = self.app, self.app.settings
        routers = [operations.router(self)]
        if Role.API in settings.roles:
            routers = [*app.composition.routers, *routers]
            if app.service.keeps_person_keys:
                routers.append(person_keys.router(lambda: app.own_keys, settings.key_door_token))
        checks = {"database": self._database_check, "relay": self._relay_check, "consumers": self._consumers_check}
        limits = Limits(
            max_body_bytes=settings.http_max_body_bytes,
            max_concurrent=settings.http_max_concurrent,
            max_per_caller_s=settings.http_max_per_caller_s,
        )
        return self._application(routers, checks, limits)

    def _application(self, routers: Sequence[APIRouter], checks: Mapping[str, Check], limits: Limits) -> FastAPI:
        app, settings = self.app, self.app.settings
        return create_app(
            app.service.name,
            routers=routers,
            verifier=Verifier(
                RemoteKeys(settings.jwks_url), issuer=settings.issuer, audience=settings.audience, clock=app.clock
            ),
            checks=checks,
            limits=limits,
            cors_origins=settings.cors_origins,
            edges=app.composition.edges,
            record_read=app.reads.record,
        )

    async def _consume(self, stop: asyncio.Event) -> None:
        """Starts the subscribers once Kafka answers, and stops them after the batch in hand."""
        broker = KafkaBroker(
            self._bootstrap,
            client_id=self.app.instance,
            consumer_only=True,
            allow_auto_create_topics=False,
            logger=None,
        )
        self.subscribers = [
            subscribe(broker, consumer, prefix=self.app.settings.topic_prefix, instance=self.app.instance)
            for consumer in self.readers
        ]
        if await self._until_started(broker, stop):
            self._broker = broker
            await self._watch_lag(stop)
        for consumer, subscriber in zip(self.readers, self.subscribers, strict=True):
            consumer.end()
            subscriber.running = False  # all at once: one that drains must not let another begin a new batch
        await _stopped(broker)

    async def _until_started(self, broker: KafkaBroker, stop: asyncio.Event) -> bool:
        """True once every subscriber reads; False when stopped before. A start that hangs is begun again."""
        stopping = asyncio.create_task(stop.wait(), name="consumers-stop")
        try:
            while not stop.is_set():
                starting = asyncio.create_task(broker.start(), name="consumers-start")
                await asyncio.wait({starting, stopping}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
                if starting.done() and starting.exception() is None:
                    return True
                why = type(starting.exception()).__name__ if starting.done() else "no answer"
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
                await _stopped(broker)  # subscribers that did start would otherwise be started twice
                if not stop.is_set():
                    log.warning("kafka_unavailable", error=why)
                    await asyncio.wait({stopping}, timeout=RESTART_S)
            return False
        finally:
            stopping.cancel()

    async def _watch_lag(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for consumer, subscriber in zip(self.readers, self.subscribers, strict=True):
                with contextlib.suppress(KafkaError, TimeoutError):  # the broker is away: the last known lag stands
                    await measure(consumer, subscriber)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LAG_EVERY_S)

    async def _database_check(self) -> str | None:
        await self.app.ping()
        return None

    async def _relay_check(self) -> str | None:
        return self.relay.stopped_because if self.relay is not None else None

    async def _consumers_check(self) -> str | None:
        """Ready once Kafka has answered. An outage later on shows as lag: it must not take the API of this process away."""
        if not self.readers:
            return None
        if blown := [c.stopped_because for c in self.readers if c.stopped_because]:
            return blown[0]
        return None if self._broker is not None else "not connected to Kafka yet"


async def _stopped(broker: KafkaBroker) -> None:
    try:
        await asyncio.wait_for(broker.stop(), DRAIN_S)
    except Exception as error:  # settles: nothing was acknowledged that did not take effect
        log.warning("consumers_cut_off", error=type(error).__name__)


def _kept_alive(name: str, worker: Worker) -> Worker:
    """A worker that meets an outage starts again; any other error is a bug and is said so, and it starts again too."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await worker(stop)
            except Exception as error:  # settles: the worker starts again
                if not is_outage(error):
                    log.error(
                        "worker_failed",
                        worker=name,
                        error=type(error).__name__,
                        exc_info=error,
                        runbook="docs/operations.md#unexpected-errors",
                    )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RESTART_S)

    return run
