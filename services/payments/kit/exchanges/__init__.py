"""Every exchange of the conformance run, in the order of the sections they prove."""

from __future__ import annotations

from collections.abc import Sequence

from services.payments.kit.cases import Case
from services.payments.kit.exchanges import access, agreed, fields, notices, numbers, repeats, shops, tokens

CASES: Sequence[Case] = (
    *tokens.CASES,
    *access.CASES,
    *fields.CASES,
    *numbers.CASES,
    *repeats.CASES,
    *agreed.CASES,
    *shops.CASES,
    *notices.CASES,
)
