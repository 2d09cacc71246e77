"""What payments follows: the participants. Everything else on their topic only moves `progress`."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.consumer import Subscription
from services.payments.commands.follow import HANDLED, FollowParticipants
from services.payments.parameters import Parameters


def subscriptions(parameters: Parameters) -> Sequence[Subscription]:
    """One batch subscriber on topic `participants`."""
    return [Subscription("participants", FollowParticipants(parameters), frozenset(HANDLED))]
