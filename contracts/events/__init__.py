"""Every event of the system, by topic. `CATALOGUE` is what a process decodes with."""

from contracts.event import Catalogue
from contracts.events import (
    acquirers,
    agency,
    astray,
    audit,
    contributions,
    erasure,
    groups,
    incentives,
    notifications,
    parameters,
    participants,
    partners,
    reconciliation,
)

OWNERS = {
    "branches": "registration",
    "wadah": "registration",
    "agents": "registration",
    "reassignments": "registration",
    "outreach": "registration",
    "participants": "registration",
    "contributions": "payments",
    "receipts": "payments",
    "partners": "payments",
    "acquirers": "payments",
    "reconciliation": "payments",
    "qr-codes": "payments",
    "proposals": "payments",
    "payee-accounts": "payments",
    "transfer-orders": "payments",
    "collective-bills": "payments",
    "agent-balances": "payments",
    "agreements": "payments",
    "agent-notes": "payments",
    "managements": "payments",
    "incentive-runs": "payments",
    "incentives": "payments",
    "incentive-disputes": "payments",
    "parameters": "payments",
    "recipients": "notifications",
    "notifications": "notifications",
    "checkpoints": "audit",
}
"""Stream → the one service that may write it."""

TOPICS = {
    "branches": "agency",
    "wadah": "agency",
    "agents": "agency",
    "reassignments": "agency",
    "outreach": "agency",
    "participants": "participants",
    "contributions": "contributions",
    "receipts": "contributions",
    "partners": "contributions",
    "acquirers": "contributions",
    "reconciliation": "contributions",
    "qr-codes": "contributions",
    "proposals": "contributions",
    "payee-accounts": "contributions",
    "transfer-orders": "contributions",
    "collective-bills": "contributions",
    "agent-balances": "contributions",
    "agreements": "incentives",
    "agent-notes": "incentives",
    "managements": "incentives",
    "incentive-runs": "incentives",
    "incentives": "incentives",
    "incentive-disputes": "incentives",
    "parameters": "contributions",
    "recipients": "notifications",
    "notifications": "notifications",
    "checkpoints": "audit",
}
"""Stream → topic, without the prefix."""

PARTITIONS = 24
"""Of every topic, for good: with another number a key would move to another partition and lose its order."""

CATALOGUE = Catalogue(
    [
        *agency.EVENTS,
        *participants.EVENTS,
        *contributions.EVENTS,
        *partners.EVENTS,
        *acquirers.EVENTS,
        *groups.EVENTS,
        *parameters.EVENTS,
        *reconciliation.EVENTS,
        *incentives.EVENTS,
        *astray.EVENTS,
        *notifications.EVENTS,
        *audit.EVENTS,
        *erasure.EVENTS,
    ],
    topics=TOPICS,
    owners=OWNERS,
    partitions=PARTITIONS,
)
