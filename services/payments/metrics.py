"""What payments counts beside the chassis."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

SNAP_ANSWERS: Final = Counter("perisai_snap_answers", "SNAP calls answered.", ["partner", "code"])
"""By partner and response code: a rise of 401 is a broken key or an attack, of 5xx an alarm."""
PAYMENT_IDS_REUSED: Final = Counter(
    "perisai_payment_ids_reused", "A paymentRequestId came again with another sum or number.", ["partner"]
)
"""Alarm at one: the partner's books and ours may differ; nothing was posted."""
