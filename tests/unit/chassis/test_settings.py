"""A process that is set up dangerously does not start, and says in one sentence why."""

from __future__ import annotations

import base64
import os
from datetime import timedelta

import pytest

from chassis.settings import Environment, Role, Settings, StartRefused, load


def random_key(length: int) -> str:
    return base64.b64encode(os.urandom(length)).decode()


GOOD = {
    "PERISAI_ENVIRONMENT": "production",
    "PERISAI_DATABASE_URL": "postgresql://payments_writer@db:5432/payments",
    "PERISAI_KAFKA_BOOTSTRAP": "kafka:9092",
    "PERISAI_JWKS_URL": "https://issuer.test/jwks",
    "PERISAI_ISSUER": "https://issuer.test",
    "PERISAI_MASTER_KEY": random_key(64),
    "PERISAI_NIK_HASH_KEY": random_key(32),
    "PERISAI_KEY_DOOR_TOKEN": random_key(32),
}


@pytest.fixture(autouse=True)
def good_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PERISAI_", "FAULT_"))]:
        monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def refusal() -> str:
    with pytest.raises(StartRefused) as caught:
        load(Settings)
    return str(caught.value)


def test_good_environment_starts_with_all_roles() -> None:
    settings = load(Settings)
    assert settings.environment is Environment.PRODUCTION
    assert settings.roles == frozenset(Role)
    assert (len(settings.master_key), len(settings.nik_hash_key)) == (64, 32)
    assert settings.logs_as == "json"
    assert settings.clock_offset == timedelta(0)


def test_secrets_are_not_shown_by_repr() -> None:
    told = repr(load(Settings))
    assert "master_key" not in told
    assert GOOD["PERISAI_KEY_DOOR_TOKEN"] not in told


def test_roles_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERISAI_ROLES", "api, relay")
    assert load(Settings).roles == {Role.API, Role.RELAY}


@pytest.mark.parametrize("name", sorted(GOOD.keys() - {"PERISAI_KEY_DOOR_TOKEN"}))
def test_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    assert refusal() == f"{name} is not set."


def test_every_fault_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERISAI_ISSUER")
    monkeypatch.setenv("PERISAI_ROLES", "api,everything")
    monkeypatch.setenv("PERISAI_HTTP_PORT", "70000")
    told = refusal().splitlines()
    assert [line.split()[0].rstrip(":") for line in told] == ["PERISAI_ROLES", "PERISAI_HTTP_PORT", "PERISAI_ISSUER"]


DANGERS = {
    "key that is no base64": ("PERISAI_MASTER_KEY", "my canary key"),
    "short master key": ("PERISAI_MASTER_KEY", random_key(32)),
    "short NIK hash key": ("PERISAI_NIK_HASH_KEY", random_key(16)),
    "default master key": ("PERISAI_MASTER_KEY", base64.b64encode(b"\x00" * 64).decode()),
    "repetitive NIK hash key": ("PERISAI_NIK_HASH_KEY", base64.b64encode(b"canary42" * 4).decode()),
    "default key door token": ("PERISAI_KEY_DOOR_TOKEN", "changeme-changeme-canary-changeme-changeme"),
    "short key door token": ("PERISAI_KEY_DOOR_TOKEN", "k3y-canary"),
    "debug": ("PERISAI_DEBUG", "true"),
    "open CORS": ("PERISAI_CORS_ORIGINS", "https://portal.test,*"),
    "open CORS of a whole domain": ("PERISAI_CORS_ORIGINS", "https://*.test"),
    "moved business time": ("PERISAI_CLOCK_OFFSET_S", "-86400"),
    "crash point": ("FAULT_AT", "before_commit"),
}


@pytest.mark.parametrize(("name", "value"), DANGERS.values(), ids=DANGERS)
def test_danger_is_refused_by_name_without_quoting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    told = refusal()
    assert told.startswith(name)
    assert len(told.splitlines()) == 1
    assert "canary" not in told


@pytest.mark.parametrize("environment", ["local", "production"])
def test_crash_points_are_for_tests_only(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    monkeypatch.setenv("PERISAI_ENVIRONMENT", environment)
    monkeypatch.setenv("FAULT_AT", "before_commit")
    assert "FAULT_AT" in refusal()
    monkeypatch.setenv("PERISAI_ENVIRONMENT", "test")
    assert load(Settings).environment is Environment.TEST


def test_local_environment_may_live_in_another_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERISAI_ENVIRONMENT", "local")
    monkeypatch.setenv("PERISAI_CLOCK_OFFSET_S", "-86400")
    settings = load(Settings)
    assert settings.clock_offset == timedelta(days=-1)
    assert settings.logs_as == "console"
