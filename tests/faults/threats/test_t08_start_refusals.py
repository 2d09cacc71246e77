"""T8: a process that is set up dangerously does not start. One refusal per danger, by the real module, and no value is quoted."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from deploy.local.places import PROJECT
from tests.faults.evidence import Evidence, Violation

WAIT_S = 60.0


def _key(length: int) -> str:
    return base64.b64encode(os.urandom(length)).decode()


GOOD = {
    "PERISAI_ENVIRONMENT": "production",
    "PERISAI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "PERISAI_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "PERISAI_JWKS_URL": "https://issuer.test/jwks",
    "PERISAI_ISSUER": "https://issuer.test",
    "PERISAI_MASTER_KEY": _key(64),
    "PERISAI_NIK_HASH_KEY": _key(32),
    "PERISAI_REGISTRATION_URL": "http://127.0.0.1:1",
    "PERISAI_KEY_DOOR_TOKEN": _key(32),
    "PERISAI_GATEWAY_URL": "http://127.0.0.1:1",
    "PERISAI_GATEWAY_API_KEY": _key(32),
    "PERISAI_GATEWAY_WEBHOOK_SECRET": _key(32),
    "PERISAI_HTTP_PORT": "0",
}


@dataclass(frozen=True)
class Danger:
    """`told`: what the refusal must name. A value of None is a variable that is not set."""

    service: str
    told: str
    environ: Mapping[str, str | None]


def _dangers() -> list[Danger]:
    flat, flat32 = base64.b64encode(bytes(64)).decode(), base64.b64encode(b"ab" * 16).decode()
    everywhere = [
        ("FAULT_AT", {"FAULT_AT": "P4"}),
        ("FAULT_AT", {"FAULT_AT": "P4", "PERISAI_ENVIRONMENT": "local"}),
        ("PERISAI_DEBUG", {"PERISAI_DEBUG": "true"}),
        ("PERISAI_CORS_ORIGINS", {"PERISAI_CORS_ORIGINS": "*"}),
        ("PERISAI_CORS_ORIGINS", {"PERISAI_CORS_ORIGINS": "https://a.test,https://*.b.test", "PERISAI_ENVIRONMENT": "test"}),
        ("PERISAI_CLOCK_OFFSET_S", {"PERISAI_CLOCK_OFFSET_S": "86400"}),
        ("PERISAI_MASTER_KEY", {"PERISAI_MASTER_KEY": flat}),
        ("PERISAI_MASTER_KEY", {"PERISAI_MASTER_KEY": _key(32)}),
        ("PERISAI_MASTER_KEY", {"PERISAI_MASTER_KEY": None}),
        ("PERISAI_NIK_HASH_KEY", {"PERISAI_NIK_HASH_KEY": flat32, "PERISAI_ENVIRONMENT": "local"}),
        ("PERISAI_KEY_DOOR_TOKEN", {"PERISAI_KEY_DOOR_TOKEN": "changeme-changeme-changeme-changeme"}),
        ("PERISAI_KEY_DOOR_TOKEN", {"PERISAI_KEY_DOOR_TOKEN": "short"}),
        ("PERISAI_ENVIRONMENT", {"PERISAI_ENVIRONMENT": None}),
        ("PERISAI_ENVIRONMENT", {"PERISAI_ENVIRONMENT": "prod"}),
    ]  # fmt: skip
    own = [
        ("PERISAI_GATEWAY_API_KEY", {"PERISAI_GATEWAY_API_KEY": "secret" * 8}),
        ("PERISAI_GATEWAY_WEBHOOK_SECRET", {"PERISAI_GATEWAY_WEBHOOK_SECRET": "a" * 40}),
        ("PERISAI_GATEWAY_URL", {"PERISAI_GATEWAY_URL": "file:///etc/passwd"}),
    ]
    services = ("registration", "payments", "notifications")
    return [Danger(s, told, e) for s in services for told, e in everywhere] + [  # type: ignore[arg-type]
        Danger("notifications", told, e) for told, e in own
    ]


def _started(cases: list[tuple[str, Mapping[str, str | None]]], until: str = "") -> list[dict[str, object]]:
    path = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    asked = [
        {
            "service": service,
            "environ": {n: v for n, v in {**path, **GOOD, **environ}.items() if v is not None},
            "patience_s": WAIT_S,
            "until": until,
        }
        for service, environ in cases
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.threats.starting"],
        cwd=PROJECT,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.mark.cell("threat.T8", fault="T8", service="all")
def test_every_danger_stops_the_start_with_a_sentence_that_names_it_and_quotes_nothing(evidence: Evidence) -> None:
    dangers = _dangers()
    results = _started([(danger.service, danger.environ) for danger in dangers])
    wrong: list[Violation] = []
    for danger, result in zip(dangers, results, strict=True):
        code, output = result["code"], str(result["output"])
        secrets = [v for n, v in {**GOOD, **danger.environ}.items() if v and n.endswith(("KEY", "TOKEN", "SECRET"))]
        quoted = [v for v in secrets if v in output]
        refused = code not in (0, None) and f"{danger.service} does not start" in output and danger.told in output
        if not refused or quoted or "Traceback" in output:
            actual = f"exit {code}, {len(quoted)} values quoted: {output.splitlines()[-1:] if not quoted else ''}"
            wrong.append({"where": danger.service, "key": danger.told, "expected": "a refusal", "actual": actual[:200]})
    evidence.fired(len(results), of=len(dangers), unit="run")
    evidence.holds("T8", checked=len(results), violations=wrong)


@pytest.mark.cell("threat.T8", fault="T8", service="all")
def test_a_process_that_is_set_up_well_gets_past_the_settings(evidence: Evidence) -> None:
    """The control: the same environment without a danger is refused by nothing. It finds no database, and says that."""
    services = ("registration", "payments", "notifications")
    results = _started([(service, {}) for service in services], until="process_started")
    wrong: list[Violation] = [
        {"where": service, "key": "", "expected": "process_started", "actual": str(result["output"])[-100:]}
        for service, result in zip(services, results, strict=True)
        if "process_started" not in str(result["output"]) or "does not start" in str(result["output"])
    ]
    evidence.fired(len(results), of=len(services), unit="run")
    evidence.holds("T8.control", checked=len(results), violations=wrong)
