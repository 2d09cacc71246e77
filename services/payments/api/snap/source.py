"""From where a call comes: the peer of the connection, or, behind our own balancers, whoever the nearest of them saw."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastapi import Request

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Sources:
    """`proxies`: networks of our own balancers. A stranger may write any X-Forwarded-For, so it counts from right to left, as far as our
    own proxies wrote it.
    """

    def __init__(self, proxies: Sequence[str]) -> None:
        self._proxies: tuple[Network, ...] = tuple(map(ip_network, proxies))

    def of(self, request: Request) -> str | None:
        """The caller's address; None when it cannot be told."""
        peer = request.client.host if request.client else None
        if not self._proxies or not self._is_ours(peer):
            return peer
        hops = [hop.strip() for line in request.headers.getlist("X-Forwarded-For") for hop in line.split(",")]
        return next((hop for hop in reversed(hops) if not self._is_ours(hop)), peer if not hops else None)

    def _is_ours(self, text: str | None) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._proxies)


def _address(text: str | None) -> Address | None:
    try:
        return ip_address(text or "")
    except ValueError:
        return None
