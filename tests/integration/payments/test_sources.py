"""From where a bank may call, through our own balancer and past it (T11: an address is agreed, and nobody may claim one)."""

from __future__ import annotations

import httpx
import pytest

from services.payments.app import SERVICE
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import register
from tests.support.service import Harness, harness
from tests.support.stack import Stack

BALANCER, OFFICE, STRANGER = "10.9.0.1", "198.51.100.7", "203.0.113.5"


def calling_from(h: Harness, address: str) -> None:
    """From now on the client's connections come from there."""
    transport = httpx.ASGITransport(app=h.asgi, raise_app_exceptions=False, client=(address, 40_000))
    h.client = httpx.AsyncClient(transport=transport, base_url="http://service")


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "expected"),
    [
        ("", OFFICE, None, "2002400"),
        ("", STRANGER, None, "4012400"),
        ("", BALANCER, OFFICE, "4012400"),
        ("10.9.0.0/16", BALANCER, OFFICE, "2002400"),
        ("10.9.0.0/16", BALANCER, STRANGER, "4012400"),
        ("10.9.0.0/16", BALANCER, f"{OFFICE}, {STRANGER}", "4012400"),
        ("10.9.0.0/16", BALANCER, f"{STRANGER}, {OFFICE}, 10.9.3.3", "2002400"),
        ("10.9.0.0/16", STRANGER, OFFICE, "4012400"),
        ("10.9.0.0/16", BALANCER, "nonsense", "4012400"),
        ("10.9.0.0/16", BALANCER, None, "4012400"),
    ],
)
async def test_only_the_agreed_network_gets_in_and_only_our_balancer_is_believed(
    stack: Stack, proxies: str, peer: str, forwarded: str | None, expected: str
) -> None:
    async with harness(SERVICE, stack, trusted_proxies=proxies) as h:
        bank = Bank(h)
        calling_from(h, OFFICE)
        await bank.enable(strictness={"source_networks": ["198.51.100.0/24"]})
        who = await register(h)
        calling_from(h, peer)
        headers: dict[str, str | None] = {"X-Forwarded-For": forwarded}
        answer = await bank.inquire(who.code, headers=headers)
        assert code(answer) == expected
        if expected != "2002400":
            assert set(answer.json()) == {"responseCode", "responseMessage"}
