"""The driver's own book: what it asked, what it was answered, who the people are. Ground truth that no part of the system can reach."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx


class Journal:
    """JSON lines, flushed one by one; kept outside of what is searched for personal data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def person(self, number: int, form: dict[str, Any]) -> None:
        """Somebody whose data must not be found in clear anywhere."""
        names = ("nik", "name", "phone", "address")
        self._write("person", person=number, values={name: str(form[name]) for name in names})

    def sent(self, request: str, **what: Any) -> None:
        self._write("sent", request=request, **what)

    def answered(self, request: str, key: str, answer: httpx.Response, made: str | None) -> None:
        body = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        self._write(
            "answered",
            request=request,
            key=key,
            status=answer.status_code,
            body_sha256=hashlib.sha256(answer.content).hexdigest(),
            id=made,
            code=body.get("code") if isinstance(body, dict) else None,
            correlation_id=answer.headers.get("X-Correlation-Id"),
        )

    def lost(self, request: str, key: str, error: Exception) -> None:
        self._write("lost", request=request, key=key, error=type(error).__name__)

    def close(self) -> None:
        self._file.close()

    def _write(self, kind: str, **what: Any) -> None:
        self._file.write(json.dumps({"at": datetime.now(UTC).isoformat(), "kind": kind, **what}) + "\n")
