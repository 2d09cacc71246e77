"""Through which channels the first payment of a participant whom an agent registered is taken (domain.md section 4; FAQ 2023). Pure.

Whoever registered himself, or at a branch, pays through any.
"""

from __future__ import annotations

from datetime import datetime

from contracts.events.contributions import BillKind
from services.payments.domain.parameters import FIRST_PAYMENT_CHANNELS, PaymentChannel, Sets, day_of


def is_barred(kind: BillKind, came_by: PaymentChannel, at: datetime, sets: Sets, *, by_agent: bool) -> bool:
    """Whether a bill of this kind is not paid through this channel on the WIB day of `at`. `by_agent`: an agent registered its payer."""
    return kind is BillKind.FIRST and by_agent and came_by not in sets.on(FIRST_PAYMENT_CHANNELS, day_of(at)).channels


def channels_on(at: datetime, sets: Sets) -> str:
    """Those that take it, as a refusal names them."""
    return ", ".join(sets.on(FIRST_PAYMENT_CHANNELS, day_of(at)).channels)
