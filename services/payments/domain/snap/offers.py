"""What an inquiry may offer to pay, and what a payment may have settled, in the words of the wire (snap.md section 6). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from contracts.events.contributions import MonthCharge


class VaKind(StrEnum):
    """Bill modes of domain.md section 6; a name says which numbers are of that kind."""

    RECURRING = "RECURRING"
    """A contribution code: what is owed now, exactly; payable again when the next month opens."""
    CLOSED = "CLOSED"
    """A code drawn for one bill or one collective bill: its amount, exactly, once."""
    OPEN = "OPEN"
    """A code for an agent's deposits: any amount."""

    @property
    def letter(self) -> str:
        """`virtualAccountTrxType`."""
        return "O" if self is VaKind.OPEN else "C"


@dataclass(frozen=True, slots=True)
class Offer:
    """`amount` in whole rupiah, 0 for any. `months` of one payer's bill; else `title` names what is paid in one line, at most 20
    characters, and `heads` for how many people.
    """

    kind: VaKind
    amount: int
    months: Sequence[MonthCharge] = ()
    title: str = "Iuran"
    heads: int = 0


class Receipt(Protocol):
    """Money that is posted. Without `months` it was paid in one line."""

    @property
    def payment_id(self) -> UUID: ...
    @property
    def channel_reference(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def months(self) -> Sequence[MonthCharge]: ...
