"""What a partner agreed beyond the official field tables, as rules to read its requests by (snap.md section 1). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from contracts.events.contributions import Strictness
from services.payments.domain.snap.codes import Service
from services.payments.domain.snap.fields import Field, at_most, longest
from services.payments.domain.snap.requests import RULES

VERSIONS = ("v1.0", "v2.0")
"""Service versions in paths that can be agreed; the fields are the same."""
MOST_AMOUNT_DIGITS = 16

FIELDS: Mapping[str, tuple[Service, Field]] = MappingProxyType(
    {
        f"{service.name.lower()}.{rule.name}": (service, rule)
        for service, rules in RULES.items()
        if service is not Service.TOKEN
        for rule in rules
    }
)
"""Fields that may be agreed on, by service and name: "payment.referenceNo"."""


def rules_of(strictness: Strictness) -> Mapping[Service, Sequence[Field]]:
    """The rules of every service for a partner."""
    if not strictness.mandatory_fields and not strictness.lengths:
        return RULES
    lengths = {one.field: one.most for one in strictness.lengths}
    return {
        service: tuple(_stricter(rule, f"{service.name.lower()}.{rule.name}", strictness, lengths) for rule in rules)
        for service, rules in RULES.items()
    }


def is_shorter(name: str, most: int) -> bool:
    """Whether this field can be held to so many characters."""
    official = longest(FIELDS[name][1].check) if name in FIELDS else None
    return official is not None and 1 <= most <= official


def _stricter(rule: Field, name: str, strictness: Strictness, lengths: Mapping[str, int]) -> Field:
    if name in lengths:
        rule = replace(rule, check=at_most(lengths[name], rule.check))
    return replace(rule, mandatory=rule.mandatory or name in strictness.mandatory_fields)
