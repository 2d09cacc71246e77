"""Signatures of SNAP: over exactly the bytes that are sent (snap.md section 4).

Source: Bank Indonesia's national payment API standard, technical guideline on security.
"""

import base64
import hashlib
import hmac
import re

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

# A string is matched whole and kept, so blanks are dropped only outside of strings.
_STRING_OR_BLANKS = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', re.DOTALL)


def minify(body: bytes) -> bytes:
    """The JSON text without space, tab, CR and LF outside strings; nothing else changes."""
    return _STRING_OR_BLANKS.sub(rb"\1", body)


def body_digest(body: bytes) -> str:
    """Lower-case hex of the SHA-256 of the minified body; of the empty string when there is no body."""
    return hashlib.sha256(minify(body)).hexdigest()


def sign_symmetric(secret: str, *, method: str, path: str, token: str, body: bytes, timestamp: str) -> str:
    """HMAC-SHA512 with the client secret, base64; the token is part of what is signed."""
    text = f"{method}:{path}:{token}:{body_digest(body)}:{timestamp}"
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha512")).decode()


def sign_asymmetric(key: rsa.RSAPrivateKey, *, method: str, path: str, body: bytes, timestamp: str) -> str:
    """SHA256withRSA with the private key, base64; no token."""
    return _rsa(key, f"{method}:{path}:{body_digest(body)}:{timestamp}")


def sign_token_request(key: rsa.RSAPrivateKey, *, client_key: str, timestamp: str) -> str:
    """SHA256withRSA over `clientKey|X-TIMESTAMP`, base64."""
    return _rsa(key, f"{client_key}|{timestamp}")


def _rsa(key: rsa.RSAPrivateKey, text: str) -> str:
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
