"""Keys of streams that are made of two names: the same rule for values, and for columns in a statement."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar


class Text(Protocol):
    """A string, or a column of strings."""

    def __add__(self, other: Any, /) -> Any: ...


T = TypeVar("T", bound=Text)


def receipt_key(partner: T, channel_reference: T) -> T:
    """The key of stream `receipts`: one per partner and reference, whatever door the money came through."""
    return _both(partner, channel_reference)


def order_key(purpose: T, reference: T) -> T:
    """The key of stream `transfer-orders`: one order at most is in force for it."""
    return _both(purpose, reference)


def _both(first: T, second: T) -> T:
    key: T = first + ":" + second
    return key
