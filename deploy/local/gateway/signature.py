"""The signature of a delivery receipt: README.md tells customers how to check it."""

import base64
import hmac


def sign_receipt(secret: str, timestamp: str, body: bytes) -> str:
    """base64(HMAC-SHA256(secret, timestamp + "." + body))."""
    return base64.b64encode(hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256")).decode()
