"""Of what an account can be given, and which streams tell of it alone."""

from __future__ import annotations

from enum import StrEnum


class Subject(StrEnum):
    """What a hearing is about. Claims have no events yet."""

    PARTICIPANT = "participant"
    AGENT = "agent"
    WADAH = "wadah"
    BILL = "bill"


OF_MANY = frozenset({"agent-balances"})
"""Streams whose keys tell of everybody an agent pays for: of an account of one of them they give the events that name him, and no state."""
OF_BILL = frozenset({"collective-bills", "qr-codes", "receipts", "proposals"})
"""Streams whose keys, once they name a bill, tell of nothing else; a participant's key tells of all his bills."""
BY_MONTH = "incentives"
"""The stream whose keys are an agent or a Wadah and a month."""


def tells_alone(subject: Subject, stream: str) -> bool:
    """Whether every event of a key that named the subject belongs to its account."""
    return stream in OF_BILL if subject is Subject.BILL else stream not in OF_MANY


def is_folded(subject: Subject, stream: str) -> bool:
    """Whether the state of such a key says what the subject was. An agent's balance is his own, and nobody else's."""
    return subject in (Subject.AGENT, Subject.WADAH) or stream not in OF_MANY
