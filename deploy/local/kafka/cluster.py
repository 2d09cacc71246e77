"""One broker or three: what they are called, where they listen, and when all of them hold everything.

One broker is `kafka`; three are `kafka-1`, `kafka-2`, `kafka-3`, with three replicas of which two must be in sync.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.kafka.broker import Node
from deploy.local.trouble import Trouble

SIZES = (1, 3)
POLL_S = 0.2


def names(brokers: int) -> list[str]:
    """What the processes are called."""
    return ["kafka"] if brokers == 1 else [f"kafka-{number}" for number in range(1, brokers + 1)]


def port_names(brokers: int, *, links: bool) -> list[str]:
    """Every port that the brokers need. With `links` each has a second door, which says that it is at yet another port."""
    suffixes = ["", "-controller", *(["-link", "-behind-link"] if links else [])]
    return [name + suffix for name in names(brokers) for suffix in suffixes]


def nodes(brokers: int, ports: Mapping[str, int]) -> list[Node]:
    """The brokers at the ports that were chosen for them."""
    return [
        Node(
            number,
            ports[name],
            ports[f"{name}-controller"],
            name,
            link_port=ports.get(f"{name}-link", 0),
            behind_link_port=ports.get(f"{name}-behind-link", 0),
        )
        for number, name in enumerate(names(brokers), 1)
    ]


def refuse_other_size(folder: Path, brokers: int) -> None:
    """Trouble if the folder holds the data of another number of brokers: what was published there would be missing here."""
    if brokers not in SIZES:
        raise Trouble(f"BROKERS is 1 or 3, not {brokers}.")
    held = next((size for size in SIZES if (folder / names(size)[0]).exists()), brokers)
    if held != brokers:
        raise Trouble(
            f"{folder} holds the data of BROKERS={held}, this start wants BROKERS={brokers}: `make clean` first, or keep to {held}."
        )


async def until_in_sync(bootstrap: str, *, patience_s: float = 60.0) -> None:
    """Returns once every replica of every partition is in sync; Trouble if that takes longer than `patience_s`."""
    try:
        async with asyncio.timeout(patience_s):
            while await _behind(bootstrap):
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise Trouble(f"Not every replica is in sync after {patience_s:.0f} s.") from None


async def _behind(bootstrap: str) -> bool:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    with suppress(KafkaError, OSError):  # a broker that is only just coming up
        try:
            await client.start()
            topics = await client.describe_topics()
            return any(set(p["replicas"]) != set(p["isr"]) for topic in topics for p in topic["partitions"])
        finally:
            await client.close()
    return True


def controller(folder: Path, brokers: int) -> str:
    """The broker that leads the quorum, by what the brokers of this folder have written down; the latest election counts."""
    elected: dict[int, str] = {}
    for name in names(brokers):
        state = folder / name / "data" / "__cluster_metadata-0" / "quorum-state"
        with suppress(OSError, ValueError):
            found = json.loads(state.read_text())
            if found["leaderId"] > 0:
                elected[found["leaderEpoch"]] = names(brokers)[found["leaderId"] - 1]
    if not elected:
        raise Trouble(f"No controller was elected yet in {folder}.")
    return elected[max(elected)]
