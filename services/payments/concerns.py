"""What of payments waits for a person, for the alarms of operators; each with the page where the branch sees which ones."""

from __future__ import annotations

from typing import Final

from chassis.attention import Concern
from services.payments.queries import incentive_waiting, settlement_shown

CONCERNS: Final = (
    Concern("settlement_files_stopped", settlement_shown.count_stopped, runbook="docs/operations.md#settlement-files"),
    Concern(
        "incentive_payouts_overdue",
        incentive_waiting.count_overdue,
        runbook="docs/operations.md#incentive-payouts",
    ),
    Concern(
        "incentive_payouts_without_account",
        incentive_waiting.count_without_account,
        runbook="docs/operations.md#incentive-payouts",
    ),
    Concern(
        "incentive_runs_unfinished",
        incentive_waiting.count_unfinished_runs,
        runbook="docs/operations.md#incentive-payouts",
    ),
)
