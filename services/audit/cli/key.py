"""`perisai audit key`: the log's public key, which whoever checks its proofs must know from us and by another way than the proofs."""

from __future__ import annotations

import json

from services.audit.cli.opened import AsJson, settings


def show(as_json: AsJson = False) -> None:
    """The log's name and public key, as the stand-alone verifier wants them."""
    key = settings().public_key
    print(json.dumps({"log": key.name, "key": str(key)}) if as_json else key)
