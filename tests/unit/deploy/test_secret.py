"""Secrets of a state folder."""

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from deploy.local.secret import Secrets


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    first = Secrets(tmp_path / "secrets").key("master-key", size=64)
    assert Secrets(tmp_path / "secrets").key("master-key", size=64) == first
    assert len(base64.b64decode(first)) == 64
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets" / "master-key").stat().st_mode & 0o777 == 0o600


def test_a_key_pair_is_made_once_and_its_public_half_verifies(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    public = load_pem_public_key(secrets.public_half("pair").read_bytes())
    key = load_pem_private_key(Secrets(tmp_path / "secrets").rsa("pair").encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    assert isinstance(public, RSAPublicKey)
    assert public.public_numbers() == key.public_key().public_numbers()
    assert secrets.public_half("pair").read_bytes() == Secrets(tmp_path / "secrets").public_half("pair").read_bytes()
    assert (tmp_path / "secrets" / "pair").stat().st_mode & 0o777 == 0o600


def test_secrets_differ_by_name_and_by_folder(tmp_path: Path) -> None:
    here, there = Secrets(tmp_path / "a"), Secrets(tmp_path / "b")
    assert len({here.token("x"), here.token("y"), there.token("x")}) == 3
