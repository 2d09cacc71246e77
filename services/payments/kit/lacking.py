"""What the numbers of `perisai payments sandbox` do not show, and why: told beside each exchange that is skipped, and published.

Credentials that name such numbers (of an environment where days pass and branches work) play these exchanges too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Lack:
    """`case`: of the conformance run. `why`: what would have to happen first, which no call of a bank does."""

    case: str
    why: str


LACKS: Mapping[str, Lack] = {
    "blocked": Lack(
        "a number that is blocked",
        "somebody's first payment must have been refused for good, for his NIK was protected under another registration by then;"
        " everybody in the sandbox is registered once",
    ),
    "closed": Lack(
        "a number that is closed",
        "a participation must have been closed after it was paid, for its person died or left, which is work of a branch;"
        " in the sandbox nobody leaves",
    ),
    "expired": Lack(
        "a registration that was not paid in time",
        "the days in which a registration can be paid must have passed; the sandbox is as old as its command, and its business clock is"
        " that of the whole stack",
    ),
    "overdue": Lack(
        "closed: the own number of its bill",
        "the days in which a registration can be paid must have passed; the sandbox is as old as its command, and its business clock is"
        " that of the whole stack",
    ),
    "ended": Lack(
        "closed: a collective bill whose people all paid alone",
        "everybody on a collective bill must have paid under his own number first; the collective bill of the sandbox is there to be paid whole",
    ),
    "voided": Lack(
        "a payment that was taken out of the books",
        "two settlement files must lack the payment, the bank must have said that it knows nothing of it, and two people of the central office"
        " must have taken it out; no file of the sandbox's partners is ever handed in",
    ),
    "first": Lack(
        "shop: a first payment",
        "the parameter set first_payment_channels must leave shops out; the one in force takes first payments at every channel, and the sandbox"
        " enacts no law",
    ),
    "small": Lack(
        "shop: a bill below its limits",
        "a bill must be below retail_min of the parameter set retail_limits; in force the smallest bill of one month is above it, and the sandbox"
        " enacts no law",
    ),
    "large": Lack(
        "shop: a bill above its limits",
        "a bill must be above retail_max of the parameter set retail_limits, 5,000,000 in force: a collective bill of over a hundred people,"
        " and that of the sandbox has three",
    ),
}
"""Kind of number, or of payment, as `Credentials` name them."""


def why_none(kind: str, *, named: bool) -> str:
    """Why there is none of this kind to be had. `named`: the credentials do name some."""
    if named:
        return "this run has used those that the credentials name: make new ones with perisai payments sandbox"
    lack = LACKS.get(kind)
    return lack.why if lack else "the credentials name none"
