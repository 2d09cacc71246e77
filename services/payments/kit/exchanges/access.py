"""Headers, tokens, signatures, time and shape of a service call, in the order in which they are checked (snap.md sections 3 to 5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from services.payments.kit import reasons
from services.payments.kit.cases import Case, Say, single
from services.payments.kit.signing import as_base64
from services.payments.kit.stage import SERVICES, Message, Stage, changed

OK = "2002400"
HEADERS = ("Content-Type", "X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID")
MALFORMED = (
    ("Content-Type", "text/plain"),
    ("X-TIMESTAMP", "2026-11-22 10:15:30"),
    ("X-TIMESTAMP", "2026-11-22T10:15:30"),
    ("X-PARTNER-ID", "1" * 37),
    ("X-EXTERNAL-ID", "1" * 37),
    ("CHANNEL-ID", "123456"),
)


def inquiry(side: str = "plain", **deviations: Any) -> Say:
    """An inquiry about a number that owes, so deviating."""
    return lambda stage: changed(stage.inquiry(stage.any_number(), side), **deviations)


def inquiry_like(service: str, **deviations: Any) -> Say:
    """A call of this service whose body nobody gets to read."""
    return lambda _: Message(service=service, body={}, **deviations)


def _pretty(stage: Stage, *, sign_minified: bool) -> Message:
    message = stage.inquiry(stage.any_number())
    sent = json.dumps(message.body, indent=2).encode()
    small = json.dumps(message.body, separators=(",", ":")).encode()
    return changed(message, body=sent, signed=small if sign_minified else None)


def _blank_in_a_string(stage: Stage) -> Message:
    """What a careless minifier makes of two blanks in a text."""
    message = stage.inquiry(stage.any_number(), passApp="a  b")
    return changed(message, signed=message.raw().replace(b"a  b", b"ab"))


def _blanks_kept(stage: Stage) -> Message:
    message = stage.inquiry(stage.any_number(), passApp="a  b")
    return changed(message, signed=json.dumps(message.body, separators=(",", ":")).encode())


def _reordered(stage: Stage) -> Message:
    message = stage.inquiry(stage.any_number())
    assert isinstance(message.body, dict)
    return changed(message, signed=json.dumps(dict(reversed(message.body.items()))).encode())


def _escaped(stage: Stage) -> Message:
    """The same JSON with an escape is other bytes."""
    message = stage.inquiry(stage.any_number())
    return changed(message, signed=message.raw().replace(b'"customerNo"', b'"\\u0063ustomerNo"'))


def _letters(stage: Stage) -> Message:
    """Names beyond ASCII are signed as the UTF-8 bytes that travel."""
    return stage.inquiry(stage.any_number(), passApp="Nyai Ratna Dèwi")


async def _token_beside(stage: Stage) -> Message:
    """Signed over one live token, sent under another."""
    first = await stage.token("plain")
    second = await stage.new_token("plain")
    return changed(stage.inquiry(stage.any_number()), token=first, headers={"Authorization": f"Bearer {second}"})


def _of_another_partner(stage: Stage) -> Message:
    return changed(stage.inquiry(stage.any_number()), headers={"X-PARTNER-ID": stage.side("bca").partner_id})


def _strange(stage: Stage) -> Message:
    return changed(stage.inquiry(stage.any_number(), "key"), key=stage.strange_key())


def _keyless(stage: Stage) -> Message:
    """A partner of the symmetric mode does not come in without a token."""
    return changed(stage.inquiry(stage.any_number()), token="", headers={"Authorization": None})


def _with_query(stage: Stage) -> Message:
    return changed(stage.inquiry(stage.any_number()), path="/v1.0/transfer-va/inquiry?a=%20b")


def _unsigned_query(stage: Stage) -> Message:
    return changed(_with_query(stage), signed_path="/v1.0/transfer-va/inquiry")


def _lower_names(stage: Stage) -> Message:
    """Header names are case-insensitive."""
    return changed(stage.inquiry(stage.any_number()), headers={"CHANNEL-ID": None, "channel-id": "95221"})


def _raw(body: bytes, service: str = "inquiry") -> Say:
    return lambda _: Message(service=service, body=body)


def _method(method: str, service: str) -> Say:
    return lambda stage: changed(Message(service=service, body={}), method=method, token="x")


def _upper(text: str) -> str:
    """The hash of the body in capitals."""
    method, path, token, hashed, rest = text.split(":", 4)
    return ":".join((method, path, token, hashed.upper(), rest))


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _hex(raw: bytes) -> str:
    return raw.hex()


def _another_spelling(raw: bytes) -> str:
    """Base64 has bits that decode to nothing; another letter there is another signature."""
    text = as_base64(raw)
    at = len(text.rstrip("=")) - 1
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:at] + alphabet[alphabet.index(text[at]) ^ 1] + text[at + 1 :]


def _replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


CASES: Sequence[Case] = (
    *(
        single(
            f"{service} without {name} names it", inquiry_like(service, headers={name: None}), f"400{xx}02", naming=name
        )
        for service, xx in (("inquiry", "24"), ("payment", "25"), ("status", "26"))
        for name in HEADERS
    ),
    single("a blank header counts as missing", inquiry(headers={"CHANNEL-ID": ""}), "4002402", naming="CHANNEL-ID"),
    *(
        single(f"{name}: {value[:20]} is a wrong form", inquiry(headers={name: value}), "4002401", naming=name)
        for name, value in MALFORMED
    ),
    single("Content-Type may name a charset", inquiry(headers={"Content-Type": "application/json; charset=utf-8"}), OK),
    single("header names are case-insensitive", _lower_names, OK),
    single("without a token", _keyless, "4012401"),
    single("an unknown token", inquiry(token="nobody-s-token"), "4012401"),
    *(
        single(f"{service} with an unknown token", inquiry_like(service, token="nobody-s-token"), f"401{xx}01")
        for service, xx in (("payment", "25"), ("status", "26"))
    ),
    *(
        single(
            f"{service} signed with another secret", inquiry_like(service, secret="not-the-agreed-secret"), f"401{xx}00"
        )
        for service, xx in (("payment", "25"), ("status", "26"))
    ),
    single("another scheme than Bearer", inquiry(headers={"Authorization": "Basic dXNlcjpwYXNz"}), "4012401"),
    single("the partner id of another", _of_another_partner, "4012400"),
    single("signed over another live token", _token_beside, "4012400"),
    single("signed with another secret", inquiry(secret="not-the-agreed-secret"), "4012400", naming="[Signature]"),
    single("a blank signature", inquiry(headers={"X-SIGNATURE": ""}), "4012400"),
    single("a hexadecimal signature", inquiry(spelt=_hex), "4012400"),
    single("another base64 spelling of the signature", inquiry(spelt=_another_spelling), "4012400"),
    single("signed over another body", inquiry(signed=b"{}"), "4012400"),
    single("signed over the fields in another order", _reordered, "4012400"),
    single("signed over other escapes", _escaped, "4012400"),
    single("signed without the blanks inside a text", _blank_in_a_string, "4012400"),
    single("signed over another method", inquiry(text=_replaced("POST:", "GET:")), "4012400"),
    single("signed over another path", inquiry(signed_path="/v1.0/transfer-va/status"), "4012400"),
    single("signed over the path without its query", _unsigned_query, "4012400"),
    single("signed over another timestamp", inquiry(text=lambda text: text[:-6] + "+08:00"), "4012400"),
    single("signed over the hash in capitals", inquiry(text=_upper), "4012400"),
    single("signed with bars instead of colons", inquiry(text=lambda text: text.replace(":", "|")), "4012400"),
    single("a timestamp of six minutes ago", inquiry(skew_s=-360), "4012400", naming=reasons.STALE),
    single("a timestamp of six minutes ahead", inquiry(skew_s=360), "4012400", naming=reasons.STALE),
    single("a timestamp of four minutes ago", inquiry(skew_s=-240), OK),
    single("a timestamp of four minutes ahead", inquiry(skew_s=240), OK),
    single("a timestamp in Z", inquiry(time=_zulu), OK),
    single("spaced by a proxy, signed minified", lambda stage: _pretty(stage, sign_minified=True), OK),
    single("spaced and signed as it is", lambda stage: _pretty(stage, sign_minified=False), OK),
    single("two blanks in a text, signed minified", _blanks_kept, OK),
    single("letters beyond ASCII", _letters, OK),
    single("a query that is signed", _with_query, OK),
    single("asymmetric: signed with the key, without a token", inquiry("key"), OK),
    single("asymmetric: signed with another key", _strange, "4012400"),
    single("asymmetric: another body", inquiry("key", signed=b"{}"), "4012400"),
    single("asymmetric: hexadecimal", inquiry("key", spelt=_hex), "4012400"),
    single("asymmetric: stale", inquiry("key", skew_s=-360), "4012400", naming=reasons.STALE),
    *(
        single(f"{service}: {what} is a bad request", _raw(body, service), f"400{SERVICES[service]}00")
        for service in ("inquiry", "payment", "status")
        for what, body in (("no JSON", b"customerNo=1"), ("no object", b"[]"))
    ),
    single("an empty body is a bad request", _raw(b""), "4002400"),
    single("a member that stands twice", _raw(b'{"customerNo":"1","customerNo":"2"}'), "4002400"),
    single("bytes that are no UTF-8", _raw(b'{"customerNo":"\xff"}'), "4002400"),
    single("nested too deep", _raw(b"[" * 3_000), "4002400"),
    single("a body of 70 KB", _raw(b'{"a":"' + b"x" * 70_000 + b'"}', "payment"), "4002500"),
    *(
        single(f"{method} of {service} is not supported", _method(method, service), f"405{SERVICES[service]}00")
        for method, service in (("GET", "inquiry"), ("PUT", "payment"), ("DELETE", "status"))
    ),
    single("a path that is no service of ours", inquiry(path="/v1.0/transfer-va/create-va"), "4050000"),
    single("a version that was not agreed", inquiry(path="/v2.0/transfer-va/inquiry"), "4052400"),
)
