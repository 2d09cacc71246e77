"""Settings of notifications: the messaging gateway, and how hard to try."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from chassis import settings
from chassis.settings import SHORTEST_SECRET, Environment, guessable
from services.notifications.domain.sending import Policy

_LEASE_MARGIN_S = 10.0
"""From the end of the longest call to its record: a slow database must not look like a dead sender."""


class Settings(settings.Settings):
    gateway_url: str = Field(pattern=r"^https?://[^/]")
    gateway_api_key: str = Field(repr=False)
    gateway_webhook_secret: str = Field(repr=False)
    gateway_honours_keys: bool = True
    """Whether the provider recognises a repeated Idempotency-Key; if not, a call of unknown outcome is never repeated.
    """

    send_concurrent: int = Field(default=64, gt=0, le=100)
    """Calls at once; the HTTP client keeps 100 connections."""
    send_timeout_s: float = Field(default=5.0, gt=0)
    send_attempts_most: int = Field(default=100, gt=0)
    send_pause_first_s: float = Field(default=0.5, gt=0)
    send_pause_most_s: float = Field(default=30.0, gt=0)
    """Also how long after the end of an outage a message may still wait."""

    @model_validator(mode="after")
    def _refuse_weak_secrets(self) -> Self:
        if self.environment is Environment.TEST:
            return self
        weak = [name for name in ("gateway_api_key", "gateway_webhook_secret") if guessable(getattr(self, name))]
        if weak:
            named = " and ".join(f"PERISAI_{name.upper()}" for name in weak)
            raise ValueError(f"{named} can be guessed: use {SHORTEST_SECRET} random characters or more.")
        return self

    @property
    def policy(self) -> Policy:
        return Policy(
            provider_honours_keys=self.gateway_honours_keys,
            attempts_most=self.send_attempts_most,
            pause_first=timedelta(seconds=self.send_pause_first_s),
            pause_most=timedelta(seconds=self.send_pause_most_s),
        )

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.send_timeout_s + _LEASE_MARGIN_S)
