"""Service 73: who gets a token (snap.md section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.payments.kit import reasons
from services.payments.kit.cases import Case, Say, single
from services.payments.kit.stage import Message, Stage

GOOD = {"grantType": "client_credentials"}


def asked(body: Any = None, **deviations: Any) -> Say:
    return lambda _: Message(service="token", body=GOOD if body is None else body, **deviations)


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _millis(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _other_key(stage: Stage) -> Message:
    return Message(service="token", body=GOOD, key=stage.strange_key())


TOKEN = {
    "tokenType": "Bearer",
    "expiresIn": lambda life: isinstance(life, str) and life.isdigit() and int(life) > 0,
    "accessToken": lambda token: isinstance(token, str) and 0 < len(token) <= 2048,
}

CASES: Sequence[Case] = (
    single("a good key gets a token", asked(), "2007300", TOKEN),
    single("a timestamp in Z is understood", asked(time=_zulu), "2007300", TOKEN),
    single("a timestamp with milliseconds is understood", asked(time=_millis), "2007300", TOKEN),
    single("additionalInfo is taken", asked({**GOOD, "additionalInfo": {"a": "b"}}), "2007300", TOKEN),
    single("another key gets none", _other_key, "4017300", naming="[Signature]"),
    single("an unknown client gets none", asked(headers={"X-CLIENT-KEY": "nobody-at-all"}), "4017300"),
    single("a blank signature is a failed one", asked(headers={"X-SIGNATURE": ""}), "4017300"),
    single("a hexadecimal signature is none", asked(spelt=bytes.hex), "4017300"),
    single("a timestamp of six minutes ago is stale", asked(skew_s=-360), "4017300", naming=reasons.STALE),
    single("a timestamp of six minutes ahead is stale", asked(skew_s=360), "4017300", naming=reasons.STALE),
    *(
        single(f"without {name} it names {name}", asked(headers={name: None}), "4007302", naming=name)
        for name in ("Content-Type", "X-TIMESTAMP", "X-CLIENT-KEY", "X-SIGNATURE")
    ),
    single(
        "an unreadable timestamp is named", asked(headers={"X-TIMESTAMP": "yesterday"}), "4007301", naming="X-TIMESTAMP"
    ),
    single("without grantType it names it", asked({}), "4007302", naming="grantType"),
    single("another grantType is a wrong form", asked({"grantType": "password"}), "4007301", naming="grantType"),
    single("a body that is no JSON is a bad request", asked(b"grantType=client_credentials"), "4007300"),
    single("a body that is no object is a bad request", asked(b"[]"), "4007300"),
    single("GET is not supported", asked(method="GET"), "4057300"),
)
