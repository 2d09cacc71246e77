"""What of registration waits for a person, for the alarms of operators; with the page where the branch sees which ones."""

from __future__ import annotations

from typing import Final

from chassis.attention import Concern
from services.registration.queries import erasures, exports, renewals

CONCERNS: Final = (
    Concern("agreements_without_renewal", renewals.count_urgent, runbook="docs/operations.md#agreements-that-end"),
    Concern("erasures_near_their_end", erasures.count_near, runbook="docs/operations.md#erasures"),
    Concern("erasures_late", erasures.count_late, runbook="docs/operations.md#erasures"),
    Concern("exports_near_their_end", exports.count_near, runbook="docs/operations.md#exports"),
    Concern("exports_late", exports.count_late, runbook="docs/operations.md#exports"),
)
