from __future__ import annotations

import base64
import os
from datetime import timedelta

import pytest

from chassis.settings import StartRefused, load
from services.notifications.settings import Settings

RANDOM = "kT9wXq2LrV7mZc4BnH8sYd3FgJ6pAe1U"
ENVIRONMENT = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://notifications_writer@db/notifications",
    "KAFKA_BOOTSTRAP": "kafka:9092",
    "JWKS_URL": "https://issuer.example/jwks",
    "ISSUER": "https://issuer.example",
    "MASTER_KEY": base64.b64encode(os.urandom(64)).decode(),
    "NIK_HASH_KEY": base64.b64encode(os.urandom(32)).decode(),
    "GATEWAY_URL": "https://gateway.example",
    "GATEWAY_API_KEY": RANDOM,
    "GATEWAY_WEBHOOK_SECRET": RANDOM,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(f"PERISAI_{name}", value)
    return monkeypatch


def test_a_provider_honours_keys_unless_said_otherwise(environment: pytest.MonkeyPatch) -> None:
    assert load(Settings).policy.provider_honours_keys is True
    environment.setenv("PERISAI_GATEWAY_HONOURS_KEYS", "false")
    assert load(Settings).policy.provider_honours_keys is False


def test_a_lease_outlasts_a_call(environment: pytest.MonkeyPatch) -> None:
    settings = load(Settings)
    assert settings.lease > timedelta(seconds=settings.send_timeout_s)


@pytest.mark.parametrize("name", ["GATEWAY_API_KEY", "GATEWAY_WEBHOOK_SECRET"])
def test_a_guessable_secret_refuses_to_start_and_is_not_shown(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(f"PERISAI_{name}", "changeme-changeme-changeme-changeme")
    with pytest.raises(StartRefused, match=f"PERISAI_{name} can be guessed") as refused:
        load(Settings)
    assert "changeme" not in str(refused.value)


def test_without_a_gateway_it_does_not_start(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("PERISAI_GATEWAY_URL")
    with pytest.raises(StartRefused, match=r"PERISAI_GATEWAY_URL is not set\."):
        load(Settings)


def test_a_gateway_without_a_scheme_does_not_start(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PERISAI_GATEWAY_URL", "gateway.example:443")
    with pytest.raises(StartRefused, match="PERISAI_GATEWAY_URL"):
        load(Settings)


def test_secrets_are_not_shown(environment: pytest.MonkeyPatch) -> None:
    assert RANDOM not in repr(load(Settings))
