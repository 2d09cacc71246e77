"""Whether a signature is right, and if not, what the signer did otherwise: the usual mistakes are tried, alone and up to three together.

Nothing is sent and nothing stored. The first explanation that reproduces the signature is told; it is the one with the fewest mistakes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from contracts.values import WIB
from services.payments.domain.snap import signing
from services.payments.kit import other_times
from services.payments.kit.other_times import moment_of

MOST_MISTAKES = 3
METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")
AGREED = ""
"""The name of doing it right."""
Way = tuple[str, Any]
"""(what the signer did otherwise, the part that came of it)."""
Made = Callable[[Mapping[str, Any], bytes], bool]
"""Whether this text gives this signature."""


@dataclass(frozen=True)
class Call:
    """What was called and signed. `token` is None without a token (asymmetric mode); `client_key` is given for a request for a token.

    `other_times`: what may have been signed instead of `timestamp`, the X-TIMESTAMP that was sent.
    """

    method: str
    path: str
    timestamp: str
    body: bytes
    token: str | None = None
    client_key: str | None = None
    other_times: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """`verifies`: it would be accepted. `mistakes`: what explains a signature that would not; empty when nothing that was tried does.

    `text`: the string to sign, as we build it; `expected`: the signature that the secret makes of it, None for a key we hold half of.
    `key_fits`: whether the key made this signature at all, over whatever text; None when that cannot be told.
    """

    verifies: bool
    mistakes: tuple[str, ...]
    text: str
    expected: str | None
    key_fits: bool | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "verifies": self.verifies,
            "mistakes": list(self.mistakes),
            "string_to_sign": self.text,
            "expected_signature": self.expected,
            "key_fits": self.key_fits,
        }


def of_secret(call: Call, signature: str, secret: str) -> Finding:
    """Judges a signature of the symmetric mode."""

    def made(way: Mapping[str, Any], raw: bytes) -> bool:
        mac = hmac.new(way["secret"], _text(way).encode(), way["algorithm"]).digest()
        return hmac.compare_digest(mac, raw)

    text = _text(dict(_right(_parts(call))))
    expected = base64.b64encode(signing.symmetric_signature(secret, text.encode())).decode()
    verifies = signing.is_signed_with_secret(
        [secret],
        signature,
        method=call.method,
        path=call.path,
        token=call.token or "",
        body=call.body,
        timestamp=call.timestamp,
    )
    if verifies:
        return Finding(True, (), text, expected)
    parts = {**_parts(call), "secret": list(_secrets(secret)), "algorithm": _ALGORITHMS}
    return Finding(False, _explained(parts, signature, made), text, expected)


def of_key(call: Call, signature: str, key: RSAPublicKey) -> Finding:
    """Judges a signature made with a private key: of a request for a token, or of a call in the asymmetric mode."""
    parts = _token_parts(call) if call.client_key is not None else _parts(call)
    text = _text(dict(_right(parts)))
    verifies = any(_verifies(key, raw, signed) for raw in _canonical(signature) for signed in _accepted(call, parts))
    if verifies:
        return Finding(True, (), text, None, key_fits=True)
    inside = {raw: digest for _, raw in _raw(signature) if (digest := _digest_inside(key, raw)) is not None}

    def made(way: Mapping[str, Any], raw: bytes) -> bool:
        return raw in inside and hmac.compare_digest(inside[raw], hashlib.sha256(_text(way).encode()).digest())

    mistakes = _explained(parts, signature, made) if inside else ()
    return Finding(False, mistakes, text, None, key_fits=bool(inside))


def first_difference(ours: str, theirs: str) -> str:
    """Where two strings to sign part, in words; empty when they are one."""
    if ours == theirs:
        return ""
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    return f"they part at character {at + 1}: ours goes on {ours[at : at + 24]!r}, yours {theirs[at : at + 24]!r}"


# --- what is signed -----------------------------------------------------------------------------------------------------


def _parts(call: Call) -> dict[str, list[Way]]:
    """Part of the string to sign → the ways it is made, the right one first."""
    return {
        "method": list(_methods(call.method)),
        "path": list(_paths(call.path)),
        "token": list(_tokens(call.token)),
        "hashed": list(_hashes(call.body)),
        "timestamp": list(_times(call)),
        "separator": [
            (AGREED, ":"),
            ("the parts were joined with | instead of :", "|"),
            ("the parts were joined with nothing", ""),
        ],
        "order": [(AGREED, ("method", "path", "token", "hashed", "timestamp"))],
    }


def _token_parts(call: Call) -> dict[str, list[Way]]:
    return {
        "client_key": [(AGREED, call.client_key), ("the client key had a blank around it", f" {call.client_key}")],
        "timestamp": list(_times(call)),
        "separator": [
            (AGREED, "|"),
            ("client key and timestamp were joined with : instead of |", ":"),
            ("they were joined with nothing", ""),
        ],
        "order": [
            (AGREED, ("client_key", "timestamp")),
            ("the timestamp stood before the client key", ("timestamp", "client_key")),
        ],
    }


def _text(way: Mapping[str, Any]) -> str:
    parts = [way[name] for name in way["order"]]
    return str(way["separator"]).join(part for part in parts if part is not None)


def _right(parts: Mapping[str, Sequence[Way]]) -> Iterator[tuple[str, Any]]:
    return ((name, ways[0][1]) for name, ways in parts.items())


def _accepted(call: Call, parts: Mapping[str, Sequence[Way]]) -> Iterator[bytes]:
    """The texts that we would accept: over the body as it is, and over the minified one."""
    right = dict(_right(parts))
    yield _text(right).encode()
    if "hashed" in right:
        yield _text({**right, "hashed": signing.body_hash(signing.minify(call.body))}).encode()


def _methods(method: str) -> Iterator[Way]:
    yield AGREED, method
    yield "the method was written in small letters", method.lower()
    yield from ((f"the method {other} was signed instead of {method}", other) for other in METHODS if other != method)


def _paths(path: str) -> Iterator[Way]:
    split = urlsplit(path)
    yield AGREED, split.path + (f"?{split.query}" if split.query else "")
    if split.netloc:
        yield "the whole URL was signed instead of the path alone", path
    if split.query:
        yield "the query string was left out", split.path
    elif split.path.endswith("/"):
        yield "the slash at the end of the path was left out", split.path.rstrip("/")
    yield "a slash was added to the end of the path", split.path + "/"
    yield "the path was signed without our prefix", re.sub(r"^/snap", "", split.path)
    yield "the path was signed without prefix and version", re.sub(r"^/snap/v[0-9.]+", "", split.path)
    yield "the path was signed without its first slash", split.path.lstrip("/")
    yield "the path was signed decoded", unquote(path)
    yield "the path was signed in small letters", path.lower()


def _tokens(token: str | None) -> Iterator[Way]:
    yield AGREED, token
    if token is None:
        yield "an empty token was signed (two colons in a row)", ""
        return
    yield 'the token was signed with "Bearer " before it', f"Bearer {token}"
    yield "the token was left out", None
    yield "an empty token was signed", ""


def _hashes(body: bytes) -> Iterator[Way]:
    """The hash of the body. A body signed minified is right too, so it is no mistake."""
    bodies = list(_bodies(body))
    yield AGREED, signing.body_hash(body)
    yield AGREED, signing.body_hash(signing.minify(body))
    for what, made in bodies:
        yield what, signing.body_hash(made)
    for what, made in {AGREED: body, "minified": signing.minify(body)}.items():
        of = f" (of the {what} body)" if what else ""
        digest = hashlib.sha256(made).digest()
        yield f"the hash was written in capitals{of}", digest.hex().upper()
        yield f"the hash was written in base64 instead of hexadecimal{of}", base64.b64encode(digest).decode()
        yield f"the body was hashed with SHA-512{of}", hashlib.sha512(made).hexdigest()
        yield f"the body was hashed with MD5{of}", hashlib.md5(made, usedforsecurity=False).hexdigest()
        yield f"the body was signed itself instead of its hash{of}", made.decode("utf-8", "replace")


def _bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """What becomes of a body before it is hashed, where it should be hashed as it is sent."""
    for what, padded in _PADDED.items():
        yield from ((what, padded.sub(rb"\1", made)) for made in (body, signing.minify(body)) if padded.search(made))
    yield "blanks were removed inside texts too", re.sub(rb"[ \t\r\n]+", b"", body)
    yield "a line feed stood at the end of the body that was signed", body + b"\n"
    yield "the line feed at the end of the body was not signed", body.rstrip(b"\r\n")
    yield "line ends were changed to LF", body.replace(b"\r\n", b"\n")
    yield "line ends were changed to CR LF", re.sub(rb"\r?\n", b"\r\n", body)
    yield "an empty body was signed", b""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return
    for what, options in _DUMPS.items():
        yield what, json.dumps(found, **options).encode("utf-8", "replace")


_PADDED = {
    "partnerServiceId was signed without the blanks before it": re.compile(rb'("partnerServiceId"\s*:\s*") +'),
    "partnerServiceId and virtualAccountNo were signed without the blanks before them": re.compile(
        rb'("(?:partnerServiceId|virtualAccountNo)"\s*:\s*") +'
    ),
}
"""Of numbers that are padded to their length (snap.md): the blanks are part of what is sent, so of what is signed."""
_DUMPS: Mapping[str, dict[str, Any]] = {
    "the JSON was written anew, with blanks after colons and commas": {"ensure_ascii": False},
    "the JSON was written anew, without blanks": {"ensure_ascii": False, "separators": (",", ":")},
    "the JSON was written anew, letters beyond ASCII as escapes": {"separators": (",", ":")},
    "the JSON was written anew with its fields sorted": {
        "ensure_ascii": False,
        "separators": (",", ":"),
        "sort_keys": True,
    },
    "the JSON was written anew, indented by two": {"ensure_ascii": False, "indent": 2},
    "the JSON was written anew, indented by four": {"ensure_ascii": False, "indent": 4},
}
_ALGORITHMS: list[Way] = [
    (AGREED, "sha512"),
    ("HMAC-SHA256 was used instead of HMAC-SHA512", "sha256"),
]


def _times(call: Call) -> Iterator[Way]:
    yield AGREED, call.timestamp
    for other in call.other_times:
        yield f"not the X-TIMESTAMP that was sent was signed, but {other}", other
    if (moment := moment_of(call.timestamp)) is None:
        return
    utc, local = moment.astimezone(UTC), moment.astimezone(WIB)
    yield "the timestamp was signed in Z", utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    yield "the timestamp was signed with +07:00", local.isoformat(timespec="seconds")
    yield "the timestamp was signed with milliseconds", local.isoformat(timespec="milliseconds")
    yield "the timestamp was signed without its offset", local.strftime("%Y-%m-%dT%H:%M:%S")
    yield "the timestamp was signed with an offset without colon", local.strftime("%Y-%m-%dT%H:%M:%S%z")
    yield "the timestamp was signed as seconds since 1970", str(int(moment.timestamp()))


def _secrets(secret: str) -> Iterator[Way]:
    yield AGREED, secret.encode()
    yield "the secret had a line feed at its end", secret.encode() + b"\n"
    yield "the secret had a blank around it", f" {secret} ".encode()
    yield "the secret was trimmed", secret.strip().encode()
    for what, decode in (("base64", _from_base64), ("hexadecimal", _from_hex)):
        if (found := decode(secret)) is not None:
            yield f"the secret was decoded from {what} first", found


# --- the search ----------------------------------------------------------------------------------------------------------


def _explained(parts: Mapping[str, Sequence[Way]], signature: str, made: Made) -> tuple[str, ...]:
    """The fewest mistakes that reproduce the signature; at last, that it was made of another moment."""
    for spelling, raw in _raw(signature):
        for mistakes, way in _ways(parts):
            if made(way, raw):
                return tuple(filter(None, (spelling, *mistakes)))
    return _of_another_time(parts, signature, made)


def _of_another_time(parts: Mapping[str, Sequence[Way]], signature: str, made: Made) -> tuple[str, ...]:
    """A clock that was asked twice, for the signature and for the header; within seconds also beside one other mistake."""
    if (sent := moment_of(parts["timestamp"][0][1])) is None:
        return ()
    others = {**parts, "timestamp": parts["timestamp"][:1]}
    near, wide = list(other_times.near(sent)), list(other_times.wide(sent))
    for spelling, raw in _raw(signature):
        for mistakes, way in _ways(others, most=1):
            for told, text in near if mistakes else wide:
                if made({**way, "timestamp": text}, raw):
                    return tuple(filter(None, (spelling, *mistakes, told)))
    return ()


def _ways(
    parts: Mapping[str, Sequence[Way]], *, most: int = MOST_MISTAKES
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """All right; then every single part made otherwise; then every two of them, and so on."""
    right = dict(_right(parts))
    for number in range(most + 1):
        for names in itertools.combinations(parts, number):
            for ways in itertools.product(*(parts[name][1:] for name in names)):
                yield (
                    tuple(what for what, _ in ways if what),
                    right | dict(zip(names, (value for _, value in ways), strict=True)),
                )


def _raw(signature: str) -> Iterator[tuple[str, bytes]]:
    """(how it is spelt, its bytes): what the text of a signature may stand for."""
    for raw in _canonical(signature):
        yield AGREED, raw
    text = signature.strip()
    if len(text) < len(signature):
        yield from ((f"the signature has blanks around it{'; ' + how if how else ''}", raw) for how, raw in _raw(text))
        return
    if (found := _from_hex(text)) is not None:
        yield "the signature is written in hexadecimal instead of base64", found
    padded = text + "=" * (-len(text) % 4)
    if (found := _from_base64(padded.replace("-", "+").replace("_", "/"))) is not None and not [*_canonical(text)]:
        yield "the signature is not written in plain, padded base64", found


def _canonical(signature: str) -> Iterable[bytes]:
    """The bytes, if the text is the one way to write them."""
    found = _from_base64(signature)
    return [found] if found is not None and hmac.compare_digest(base64.b64encode(found), signature.encode()) else []


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _from_hex(text: str) -> bytes | None:
    return bytes.fromhex(text) if text and re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text) else None


def _verifies(key: RSAPublicKey, raw: bytes, text: bytes) -> bool:
    try:
        key.verify(raw, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _digest_inside(key: RSAPublicKey, raw: bytes) -> bytes | None:
    """The SHA-256 that this key signed, over whatever text; None when this key made no such signature."""
    try:
        return key.recover_data_from_signature(raw, PKCS1v15(), SHA256())
    except InvalidSignature:
        return None
