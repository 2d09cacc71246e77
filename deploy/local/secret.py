"""Secrets are made at the first start, one file each with mode 0600, and stay the same ever after: data sealed under one needs it."""

import base64
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


class Secrets:
    """The secrets of one state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def key(self, name: str, *, size: int) -> str:
        """Base64 of `size` random bytes."""
        return self._once(name, lambda: base64.b64encode(os.urandom(size)).decode())

    def token(self, name: str) -> str:
        """A bearer token or password: 32 random bytes in letters that need no quoting."""
        return self._once(name, lambda: os.urandom(32).hex())

    def rsa(self, name: str) -> str:
        """A private RSA key of 2,048 bits in PEM."""
        return self._once(name, _new_rsa)

    def public_half(self, name: str) -> Path:
        """The file with the public key, in PEM, of the private key `name`."""
        key = load_pem_private_key(self.rsa(name).encode(), password=None).public_key()
        public = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        self._once(f"{name}.public", lambda: public)
        return self._folder / f"{name}.public"

    def _once(self, name: str, make: Callable[[], str]) -> str:
        path = self._folder / name
        if not path.exists():
            write_private(path, make())
        return path.read_text()


def _new_rsa() -> str:
    key = generate_private_key(public_exponent=65_537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, as a whole; its folder is made when absent."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(new, path)
