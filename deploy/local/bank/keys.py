"""The bank's own RSA key: it signs token requests and, in asymmetric mode, every call."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.local.outside.environment import Environment, SettingError


def own_key(environment: Environment) -> rsa.RSAPrivateKey:
    """The key of `PRIVATE_KEY_FILE`, or that of `DATA_DIR`, which is made when absent. Raises `SettingError`."""
    named = environment.optional("PRIVATE_KEY_FILE")
    path = Path(named) if named else environment.folder("DATA_DIR") / "bank-private.pem"
    if not named and not path.exists():
        _make(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingError(f"cannot use the private key {path}: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < 2048:
        raise SettingError(f"the private key {path} must be an RSA key of 2048 bits or more")
    return key


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """The public half, as a biller stores it (PEM, SubjectPublicKeyInfo)."""
    encoded = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded.decode()


def _make(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # Written aside and renamed: a process killed in between leaves no half key behind.
    aside = path.with_suffix(".new")
    with os.fdopen(os.open(aside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(pem)
    aside.rename(path)
