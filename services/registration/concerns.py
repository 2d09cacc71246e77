"""What of registration waits for a person, for the alarms of operators; with the page where the branch sees which ones."""

from __future__ import annotations

from typing import Final

from chassis.attention import Concern
from services.registration.queries import renewals

CONCERNS: Final = (
    Concern("agreements_without_renewal", renewals.count_urgent, runbook="docs/operations.md#agreements-that-end"),
)
