"""What other services record, as commands of notifications: a registration makes a recipient, some events a notice."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.consumer import Subscription
from chassis.outcomes import Done
from chassis.privacy.forgetting import Forgetting
from chassis.privacy.vault import Vault
from chassis.records import Outcome, Received
from chassis.transaction import Tx
from contracts.event import Event
from contracts.events.contributions import ContributionBilled
from contracts.events.erasure import ParticipantForgotten
from contracts.events.participants import (
    GraceEntered,
    ParticipantRegistered,
    ParticipationLapsed,
    ProtectionExtended,
    ProtectionStarted,
)
from services.notifications.commands.inform import AddRecipient, ForgetRecipient, Tell, inform
from services.notifications.domain.notices import notice_of

PARTICIPANTS: frozenset[type[Event]] = frozenset(
    {
        ParticipantRegistered,
        ParticipantForgotten,
        ProtectionStarted,
        ProtectionExtended,
        GraceEntered,
        ParticipationLapsed,
    }
)
CONTRIBUTIONS: frozenset[type[Event]] = frozenset({ContributionBilled})


def subscriptions(vault: Vault, forget: Forgetting) -> list[Subscription]:
    """Both topics end in the same use case."""
    use_case = inform(vault, forget)

    async def on_events(tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        commands = [command_of(item) for item in items]
        outcomes = iter(await use_case(tx, [command for command in commands if command is not None]))
        return [Done() if command is None else next(outcomes) for command in commands]

    return [
        Subscription("participants", on_events, PARTICIPANTS),
        Subscription("contributions", on_events, CONTRIBUTIONS),
    ]


def command_of(item: Received) -> AddRecipient | ForgetRecipient | Tell | None:
    """None for what nobody is told about, such as a bill that continues a spell."""
    if isinstance(item.event, ParticipantRegistered):
        return AddRecipient(item.event, item.meta, item.scope)
    if isinstance(item.event, ParticipantForgotten):
        return ForgetRecipient(item.event.participant_id, item.meta)
    notice = notice_of(item.event, item.envelope.occurred_at)
    return None if notice is None else Tell(notice, item.envelope.event_id, item.meta)
