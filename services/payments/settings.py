"""Settings of payments beyond the chassis' own; every one has the prefix PERISAI_."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from chassis.settings import Settings as Base
from services.payments.domain.paying import Limits


class Settings(Base):
    """Defaults are those of the handbooks (snap.md sections 3, 8 and 9; domain.md section 14)."""

    answer_budget_s: float = Field(default=5.0, gt=0)
    """After this the bank is told that the outcome is not known yet."""
    timestamp_tolerance_s: int = Field(default=300, ge=0)
    """How far X-TIMESTAMP may be from our wall clock; 0 turns the check off."""
    token_life_s: int = Field(default=900, gt=0)
    snap_max_per_partner_s: float = Field(default=2_000, ge=0)
    """Calls a second of one partner to one process, with two seconds of it in hand; 0: any number."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks of our own balancers, comma-separated: only what comes from one of them may say in X-Forwarded-For for whom it calls."""
    inquiry_validity_min: int = Field(default=15, ge=0)
    registry_ttl_s: float = Field(default=2.0, ge=0)
    """How long a process may go on with partners, tokens and parameters it read before; a change made in it shows at once."""
    proof_link_days: int = Field(default=7, ge=1, le=90)
    """How long the link to a proof of payment opens it."""
    keep_inquiries_days: int = Field(default=35, ge=1)
    channels: Annotated[tuple[str, ...], NoDecode] = ("snap_va", "qris_mpm", "settlement_file")
    """Modules of services/payments/channels, by comma: the ways of paying that are open in this process."""
    qris_timeout_s: float = Field(default=5.0, gt=0)
    """Of one call to an acquirer. Whom we call, and what signs our calls, is agreed over the API (/partners/{partner}/acquirer)."""
    settlement_max_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    settlement_max_lines: int = Field(default=250_000, gt=0)
    settlement_overdue_days: int = Field(default=3, ge=1)
    """Whole days after a partner's day until money of it that has not come at all is a case."""

    @field_validator("channels", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        for part in parts if isinstance(parts, list | tuple) else ():
            ip_network(part)
        return parts

    @property
    def limits(self) -> Limits:
        return Limits(quote_validity=timedelta(minutes=self.inquiry_validity_min))
