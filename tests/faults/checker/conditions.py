"""The conditions that `effects.toml` names. Each is told the cause, everything known, and what the cause has caused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tests.faults.checker.effects import Known
from tests.faults.checker.world import Event

_ENDS = ("BillExpired", "BillCancelled", "ContributionPaid")


def registration_not_over(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """When payments noted the participant, the registration had not expired: a first bill was due."""
    noted = next((event for event in found if event.type == "PayerAdded"), None)
    return noted is not None and noted.occurred_at < datetime.fromisoformat(cause.data["expires_at"])


def first_bill(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """The welcome goes with the first bill; one that continues a spell is not told, and nobody pays that of a share."""
    return bool(cause.data["kind"] == "FIRST" and cause.data.get("share_of") is None)


def payment_was_voided(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """Money that registration itself refused protects nothing and corrects nothing."""
    return bool(cause.data["reason"] != "protection_refused")


def money_leaves_the_bill(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """Not all of it was paid from credit, or given back before."""
    return any(event.type == "ContributionReversed" and event.data["amount"] > 0 for event in found)


def payment_protects_nothing(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """Refused, or no spell was opened or extended by it."""
    if not payment_was_voided(cause, known, found):
        return True
    payment = cause.data["payment_id"]
    own = known.by_key[("participants", cause.data["participant_id"])]
    return not any(
        e.type in ("ProtectionStarted", "ProtectionExtended") and e.data["payment_id"] == payment for e in own
    )


def it_was_tried(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """A message that was held back for its time limit says nothing of the phone."""
    return bool(cause.data["reason"] != "too_late")


def known_as_unreachable(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """Nothing new: an earlier message had failed already."""
    own = known.by_key[("participants", cause.data["participant_id"])]
    return not it_was_tried(cause, known, found) or any(event.type == "ParticipantUnreachable" for event in own)


def not_left_unreachable(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """The person was reachable: the last word on it is not an earlier failure."""
    own = known.by_key[("participants", cause.data["participant_id"])]
    told = [event for event in own if event.type in ("ParticipantUnreachable", "ParticipantReachable")]
    return not told or told[-1].type == "ParticipantReachable" or told[-1].recorded_at >= cause.recorded_at


def number_was_known(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """The participant number had been noted before."""
    own = known.by_key[("contributions", cause.key)]
    return any(event.type == "PayerNumbered" and event.data["kpj"] == cause.data["kpj"] for event in own)


def no_earlier_bill_is_open(cause: Event, known: Known, found: Sequence[Event]) -> bool:
    """No bill that had been issued when the cause was recorded is still open."""
    own = known.by_key[("contributions", cause.key)]
    ended = {event.data["bill_id"] for event in own if event.type in _ENDS}
    issued = (event for event in own if event.type == "ContributionBilled" and event.recorded_at < cause.recorded_at)
    return all(event.data["bill_id"] in ended for event in issued)
