"""What each of our own processes is told: one function per process, its whole environment in it."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx

from chassis.clock import SystemClock
from deploy.local import places, ports
from deploy.local.process import Program
from deploy.local.supervisor import Check

if TYPE_CHECKING:
    from deploy.local.stack import LocalStack

# The agreement of the demonstration's bank with us: what both sides wrote into their settings. Its secret is made at the first start.
BANK_PARTNER_ID = "81001"
BANK_CLIENT_KEY = "demo-bank"
BANK_VA_PREFIX = "8100"

# The same with the QRIS acquirer, for both directions: its notices to us, and our calls as its merchant.
ACQUIRER_PARTNER = "demo-qris"
ACQUIRER_PARTNER_ID = "93001"
ACQUIRER_CLIENT_KEY = "demo-acquirer"
MERCHANT_CLIENT_KEY = "perisai"
MERCHANT_ID = "PERISAI-1"

RECEIPTS_PATH = "/gateway/receipts"  # of notifications, as agreed with the gateway
SIGN_EVERY_S = 2.0  # of the audit log: whoever asks for a proof of what just happened waits no longer
SERVICE_STOPS_WITHIN_S = 30.0  # it finishes the batch in hand first, for which the chassis gives it 20 s

# Nothing else of the caller's environment reaches a child, so a stray variable cannot change what a run shows.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "PERISAI_OTLP_ENDPOINT",
    "PERISAI_LOG_LEVEL",
    "FAULT_AT",
    "FAULT_ACTION",
    "FAULT_HIT",
)


def answers_ready(url: str) -> Check:
    """True once `/health/ready` there is 200."""

    async def check() -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            try:
                return (await client.get(f"{url}/health/ready")).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

    return check


def migration(stack: "LocalStack", service: str) -> Program:
    """Runs to its end: creates or updates the tables and the grants of one service."""
    own = {"PERISAI_OWNER_DATABASE_URL": stack.databases.url(service, "owner")}
    return Program(f"migrate-{service}", _python("chassis.migrate", service), _environment(own), places.PROJECT)


def _party(name: str, own: "Callable[[LocalStack], dict[str, str]]") -> "Callable[[LocalStack], Program]":
    """An outside party: its own folder, its own settings without our prefix."""

    def program(stack: "LocalStack") -> Program:
        folder = stack.folder / name
        common = {"HOST": ports.HOST, "PORT": str(stack.ports[name]), "DATA_DIR": str(folder)}
        return Program(name, _python(f"deploy.local.{name}"), _environment(common | own(stack)), places.PROJECT)

    return program


def _service(name: str, own: "Callable[[LocalStack], dict[str, str]]") -> "Callable[[LocalStack], Program]":
    """One of our services, all roles in one process."""

    def program(stack: "LocalStack") -> Program:
        more = stack.more.get(name, {})
        environment = _environment(_every_service(stack, name) | own(stack) | more)
        return Program(
            name, _python(f"services.{name}"), environment, places.PROJECT, stop_within_s=SERVICE_STOPS_WITHIN_S
        )

    return program


def _every_service(stack: "LocalStack", name: str) -> dict[str, str]:
    return {
        "PERISAI_ENVIRONMENT": "local",
        "PERISAI_DATABASE_URL": stack.databases.url(name, "writer"),
        "PERISAI_KAFKA_BOOTSTRAP": stack.kafka.bootstrap,
        "PERISAI_TOPIC_PREFIX": stack.topic_prefix,
        "PERISAI_INSTANCE": f"{name}-0",
        "PERISAI_HTTP_HOST": ports.HOST,
        "PERISAI_HTTP_PORT": str(stack.ports[name]),
        "PERISAI_JWKS_URL": f"{stack.url('issuer')}/jwks",
        "PERISAI_ISSUER": stack.url("issuer"),
        "PERISAI_AUDIENCE": "perisai",
        "PERISAI_MASTER_KEY": stack.secrets.key(f"master-key-{name}", size=64),
        "PERISAI_NIK_HASH_KEY": stack.secrets.key("nik-hash-key", size=32),
        "PERISAI_KEY_DOOR_TOKEN": stack.secrets.token("key-door-token"),
        "PERISAI_REGISTRATION_URL": stack.url("registration"),
        "PERISAI_CLOCK_OFFSET_S": str(int(stack.business_offset.total_seconds())),
        "PERISAI_LOG_FORMAT": "json",
    }


def _issuer(stack: "LocalStack") -> dict[str, str]:
    return {
        "ISSUER": stack.url("issuer"),
        "AUDIENCE": "perisai",
        "ADMIN_TOKEN": stack.secrets.token("issuer-admin-token"),
    }


def _told_the_date(stack: "LocalStack", name: str) -> dict[str, str]:
    """Once: the party keeps its own clock from then on, which may have been moved."""
    known = (stack.folder / name / f"{name}.sqlite").exists()
    now = SystemClock(stack.business_offset).business()
    return {} if known else {"BUSINESS_TIME": now.isoformat(timespec="seconds")}


def _bank(stack: "LocalStack") -> dict[str, str]:
    return _told_the_date(stack, "bank") | {
        "BILLER_URL": f"{stack.url('payments')}/snap/v1.0",
        "PARTNER_ID": BANK_PARTNER_ID,
        "CLIENT_KEY": BANK_CLIENT_KEY,
        "CLIENT_SECRET": stack.secrets.token("bank-client-secret"),
        "VA_PREFIX": BANK_VA_PREFIX,
    }


def _acquirer(stack: "LocalStack") -> dict[str, str]:
    return _told_the_date(stack, "acquirer") | {
        "BILLER_URL": f"{stack.url('payments')}/snap/v1.0",
        "PARTNER_ID": ACQUIRER_PARTNER_ID,
        "CLIENT_KEY": ACQUIRER_CLIENT_KEY,
        "CLIENT_SECRET": stack.secrets.token("acquirer-client-secret"),
        "MERCHANT_CLIENT_KEY": MERCHANT_CLIENT_KEY,
        "MERCHANT_CLIENT_SECRET": stack.secrets.token("merchant-client-secret"),
        "MERCHANT_KEY_FILE": str(stack.secrets.public_half("merchant-key")),
        "MERCHANT_ID": MERCHANT_ID,
    }


def _gateway(stack: "LocalStack") -> dict[str, str]:
    return {
        "API_KEY": stack.secrets.token("gateway-api-key"),
        "WEBHOOK_URL": f"{stack.url('notifications')}{RECEIPTS_PATH}",
        "WEBHOOK_SECRET": stack.secrets.token("gateway-webhook-secret"),
    }


def _nothing(_: "LocalStack") -> dict[str, str]:
    return {}


def _notifications(stack: "LocalStack") -> dict[str, str]:
    return {
        "PERISAI_GATEWAY_URL": stack.url("gateway"),
        "PERISAI_GATEWAY_API_KEY": stack.secrets.token("gateway-api-key"),
        "PERISAI_GATEWAY_WEBHOOK_SECRET": stack.secrets.token("gateway-webhook-secret"),
    }


def _audit(stack: "LocalStack") -> dict[str, str]:
    """Checkpoints go to a folder of their own: what PostgreSQL's superuser can rewrite must not be all there is."""
    return {
        "PERISAI_AUDIT_SIGNING_KEY": stack.secrets.key("audit-signing-key", size=32),
        "PERISAI_AUDIT_FOLDER": str(stack.folder / "checkpoints"),
        "PERISAI_AUDIT_SIGN_EVERY_S": str(SIGN_EVERY_S),
    }


PROGRAMS: "dict[str, Callable[[LocalStack], Program]]" = {
    "issuer": _party("issuer", _issuer),
    "bank": _party("bank", _bank),
    "acquirer": _party("acquirer", _acquirer),
    "gateway": _party("gateway", _gateway),
    "registration": _service("registration", _nothing),
    "payments": _service("payments", _nothing),
    "notifications": _service("notifications", _notifications),
    "audit": _service("audit", _audit),
}


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _environment(own: dict[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(places.PROJECT)} | own
