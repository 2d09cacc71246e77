"""Every kind there is, by name: what the central office may propose sets of. Each area registers its own kinds here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from services.payments.domain.parameters import incentives
from services.payments.domain.parameters.billing import (
    FIRST_MONTH_RULE,
    FIRST_PAYMENT_CHANNELS,
    GRACE_MONTHS,
    MAX_BACKDATE_DAYS,
    PREPAY_MONTHS,
    RETAIL_LIMITS,
)
from services.payments.domain.parameters.contribution import CONTRIBUTION
from services.payments.domain.parameters.kinds import AnyKind

_ALL: tuple[AnyKind, ...] = (
    CONTRIBUTION,
    PREPAY_MONTHS,
    MAX_BACKDATE_DAYS,
    GRACE_MONTHS,
    FIRST_MONTH_RULE,
    FIRST_PAYMENT_CHANNELS,
    RETAIL_LIMITS,
    *incentives.KINDS,
)

KINDS: Mapping[str, AnyKind] = MappingProxyType({kind.name: kind for kind in _ALL})
