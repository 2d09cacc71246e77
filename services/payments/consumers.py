"""What payments follows: the participants, and who works for whom. Everything else on their topics only moves `progress`."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.consumer import Subscription
from chassis.privacy.forgetting import Forgetting
from services.payments.commands.follow import HANDLED, FollowParticipants
from services.payments.commands.incentives import follow as agency
from services.payments.parameters import Parameters


def subscriptions(parameters: Parameters, forget: Forgetting) -> Sequence[Subscription]:
    """One batch subscriber per topic."""
    return [
        Subscription("participants", FollowParticipants(parameters, forget), frozenset(HANDLED)),
        Subscription("agency", agency.follow_agency, frozenset(agency.HANDLED)),
    ]
