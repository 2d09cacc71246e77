"""A gateway process per module, and the service against it per test."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.notifications.driver import Driver, GatewayAtHand, driven
from tests.support.stack import Stack
from tests.unit.deploy.serving import process

API_KEY, SECRET = "gateway-key-of-the-tests", "webhook-secret-of-the-tests"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAtHand]:
    port = free_port()
    values = {
        "DATA_DIR": str(tmp_path_factory.mktemp("gateway") / Path("data")),
        "API_KEY": API_KEY,
        "WEBHOOK_URL": f"http://127.0.0.1:{port}/gateway/receipts",
        "WEBHOOK_SECRET": SECRET,
        "RECEIPT_DELAY_S": "0",
        "BACKOFF_S": "0.05",
        "BACKOFF_CAP_S": "0.2",
    }
    with process("gateway", values) as (_, url):
        yield GatewayAtHand(url, API_KEY, SECRET, port)


@pytest.fixture
async def d(stack: Stack, gateway: GatewayAtHand) -> AsyncIterator[Driver]:
    await gateway.behave()
    async with driven(stack, gateway) as driver:
        yield driver


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
