"""A signature is checked over the bytes that were received, never over text that was parsed and written again.

Symmetric (with token): base64(HMAC-SHA512(secret, METHOD:path:token:sha256(body):timestamp)). Asymmetric:
base64(SHA256withRSA(METHOD:path: sha256(body):timestamp)). Token: SHA256withRSA(client key|timestamp). The hash is of
the raw body or, failing that, of the minified one.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

MIN_KEY_BITS = 2_048

# A string runs to its closing quote or to the end of the body: no input makes the scan start over, so it is linear.
_STRING_OR_SPACE = re.compile(rb'("(?:[^"\\]|\\(?:.|\Z))*+(?:"|\Z))|[ \t\r\n]+', re.DOTALL)


_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


class UnfitKey(ValueError):
    """A key that is not an RSA key of 2,048 bits or more in PEM."""


def minify(body: bytes) -> bytes:
    """The body without space, tab, CR and LF outside strings; nothing else changes."""
    if b"\\" not in body:  # every quote begins or ends a string: a tenth of the time of the pattern
        parts = body.split(b'"')
        parts[::2] = [between.translate(None, b" \t\r\n") for between in parts[::2]]
        return b'"'.join(parts)
    return _STRING_OR_SPACE.sub(rb"\1", body)


def body_hash(body: bytes) -> str:
    """sha256 as lower-case hex; of the empty string when there is no body."""
    return hashlib.sha256(body).hexdigest()


def symmetric_text(method: str, path: str, token: str, hashed: str, timestamp: str) -> bytes:
    return f"{method}:{path}:{token}:{hashed}:{timestamp}".encode()


def asymmetric_text(method: str, path: str, hashed: str, timestamp: str) -> bytes:
    return f"{method}:{path}:{hashed}:{timestamp}".encode()


def token_text(client_key: str, timestamp: str) -> bytes:
    return f"{client_key}|{timestamp}".encode()


def symmetric_signature(secret: str, text: bytes) -> bytes:
    """The raw HMAC-SHA512."""
    return hmac.digest(secret.encode(), text, "sha512")


def is_signed_with_secret(
    secrets: Iterable[str],
    signature: str,
    *,
    method: str,
    path: str,
    token: str,
    body: bytes,
    timestamp: str,
    hex_accepted: bool = False,
) -> bool:
    """Whether one of the live client secrets made this signature. Constant time in the signature."""
    given = _decoded(signature, hex_accepted)
    live = tuple(secrets)
    return any(
        hmac.compare_digest(symmetric_signature(secret, symmetric_text(method, path, token, hashed, timestamp)), raw)
        for hashed in _hashes(body)
        for secret in live
        for raw in given
    )


def is_signed_with_key(
    keys: Iterable[RSAPublicKey],
    signature: str,
    *,
    method: str,
    path: str,
    body: bytes,
    timestamp: str,
    hex_accepted: bool = False,
) -> bool:
    """Whether one of the live keys made this signature of a call without token."""
    given = _decoded(signature, hex_accepted)
    live = tuple(keys)
    return any(
        _verifies(key, raw, asymmetric_text(method, path, hashed, timestamp))
        for hashed in _hashes(body)
        for key in live
        for raw in given
    )


def is_token_request_signed(
    keys: Iterable[RSAPublicKey], signature: str, *, client_key: str, timestamp: str, hex_accepted: bool = False
) -> bool:
    """Whether one of the live keys signed this request for a token."""
    given = _decoded(signature, hex_accepted)
    return any(_verifies(key, raw, token_text(client_key, timestamp)) for key in keys for raw in given)


def private_key(pem: str) -> RSAPrivateKey:
    """What our own calls are signed with. Raises UnfitKey; its text says nothing of the key."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnfitKey("not a private key in PEM without a password") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
        raise UnfitKey(f"not an RSA key of {MIN_KEY_BITS} bits or more")
    return key


def public_key(pem: str) -> RSAPublicKey:
    """The key of a PEM text. Raises UnfitKey."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError) as error:
        raise UnfitKey("not a public key in PEM") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise UnfitKey(f"not an RSA key of {MIN_KEY_BITS} bits or more")
    return key


def _hashes(body: bytes) -> Iterator[str]:
    """Of the bytes as received; then, only if that did not match, of the minified ones."""
    yield body_hash(body)
    small = minify(body)
    if len(small) != len(body):
        yield body_hash(small)


def _verifies(key: RSAPublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _decoded(signature: str, hex_accepted: bool) -> Sequence[bytes]:
    """The bytes that the text may stand for; none when it is neither. One signature has one spelling: a base64 text
    with stray last bits is refused."""
    found = []
    with contextlib.suppress(binascii.Error, ValueError):
        raw = base64.b64decode(signature, validate=True)
        if hmac.compare_digest(base64.b64encode(raw), signature.encode()):
            found.append(raw)
    if hex_accepted and _HEX.fullmatch(signature):
        found.append(bytes.fromhex(signature))
    return found
