"""Numbers that payments draws itself: they have the form of a contribution code and lie in blocks of their own.

13 digits, the last one by Luhn. Registration's contribution codes begin with 1 (domain.md section 4); a foreign code may look like anything,
so a block only says where to look first.
"""

from __future__ import annotations

from enum import StrEnum

from stdnum import luhn

_BODY_DIGITS = 12


class Block(StrEnum):
    """The first digit of a number of ours."""

    COLLECTIVE = "2"
    """One collective bill (CLOSED)."""
    DEPOSIT = "3"
    """An agent's deposits (OPEN)."""
    BILL = "4"
    """One bill of one payer (CLOSED), beside the contribution code."""

    @property
    def kind(self) -> str:
        """Under which its running numbers are reserved."""
        return f"payments-{self.name.lower()}"


class NumbersExhausted(OverflowError):
    """A running number no longer fits its block."""


def number_of(block: Block, running: int) -> str:
    """The number to pay at, of a running number of this block."""
    body = f"{block}{running:011d}"
    if running < 0 or len(body) != _BODY_DIGITS:
        raise NumbersExhausted(f"{running} does not fit block {block.name}")
    return body + luhn.calc_check_digit(body)


def block_of(number: str) -> Block | None:
    """The block that a number of ours would lie in; None for any other."""
    if len(number) != _BODY_DIGITS + 1 or not number.isascii() or not number.isdigit() or not luhn.is_valid(number):
        return None
    return next((block for block in Block if number[0] == block), None)
