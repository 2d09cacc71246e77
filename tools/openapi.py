"""The OpenAPI document of every service lies in docs/openapi and is the one that is served.

`python -m tools.openapi` checks that; with `--write` it writes them. Nothing is started: no database, no broker.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from chassis.process import Process
from chassis.service import App, Service
from chassis.settings import Environment
from tools.lint import ROOT

FOLDER: Final = ROOT / "docs" / "openapi"
SERVICES: Final = ("registration", "payments", "notifications", "audit")
_NOWHERE: Final = "http://127.0.0.1:1"
# Stand-ins: a document depends on no setting, and nothing is called.
_SETTINGS: Final[Mapping[str, Any]] = {
    "environment": Environment.TEST,
    "database_url": "postgresql://nobody@127.0.0.1:1/nothing",
    "kafka_bootstrap": "127.0.0.1:1",
    "jwks_url": _NOWHERE,
    "issuer": _NOWHERE,
    "master_key": bytes(64),
    "nik_hash_key": bytes(32),
    "registration_url": _NOWHERE,
    "gateway_url": _NOWHERE,
    "gateway_api_key": "",
    "gateway_webhook_secret": "",
    "audit_signing_key": bytes(32),
    "audit_folder": Path(),
}


async def document(name: str) -> dict[str, Any]:
    """The document of one service as its process serves it."""
    service: Service = import_module(f"services.{name}.app").SERVICE
    app = App(service, service.settings(**_SETTINGS))
    try:
        return Process(app).asgi().openapi()
    finally:
        await app.close()


def text_of(document: Mapping[str, Any]) -> str:
    """As it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 when every document is current."""
    parser = argparse.ArgumentParser(prog="python -m tools.openapi", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/openapi/*.json")
    write, stale = parser.parse_args(arguments).write, []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in SERVICES:
        file, text = FOLDER / f"{name}.json", text_of(asyncio.run(document(name)))
        if write:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(f"docs/openapi/{name}.json")
    if stale:
        print(f"{', '.join(stale)} not current; run python -m tools.openapi --write", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
