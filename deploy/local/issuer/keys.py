"""The key ring: one key signs, and a key that no longer signs stays published until its last token has expired.

So a verifier that fetches `/jwks` never meets a live token it cannot check, before, during and after a rotation.
"""

import sqlite3
from typing import Any

from joserfc.jwk import ECKey

ALGORITHM = "ES256"
SCHEMA = """
create table if not exists keys (
    kid text primary key,
    private_pem text not null,
    created_at integer not null,
    published_until integer  -- null while it signs
);
"""


class KeyRing:
    """Keys in the issuer's database; the signing one is kept in memory. All times are wall seconds."""

    def __init__(self, database: sqlite3.Connection, *, overlap_s: int, now: int) -> None:
        self._database, self._overlap_s = database, overlap_s
        self._signing = self._load_signing() or self._begin(now)

    @property
    def signing(self) -> ECKey:
        """The private key that signs now; its `kid` is its RFC 7638 thumbprint."""
        return self._signing

    def rotate(self, now: int) -> str:
        """Begins a new key, keeps the old one published for the overlap, forgets those past theirs; the new kid."""
        self._database.execute("begin immediate")
        try:
            self._database.execute("delete from keys where published_until <= ?", (now,))
            self._database.execute(
                "update keys set published_until = ? where published_until is null", (now + self._overlap_s,)
            )
            signing = self._begin(now)
            self._database.execute("commit")
        except BaseException:
            self._database.execute("rollback")
            raise
        self._signing = signing
        return signing.thumbprint()

    def published(self, now: int) -> list[dict[str, Any]]:
        """The public keys a verifier should accept now as JWKs, the signing one first."""
        rows = self._database.execute(
            "select private_pem from keys where published_until is null or published_until > ?"
            " order by published_until is not null, published_until desc",
            (now,),
        )
        return [dict(_key(row["private_pem"]).as_dict(private=False)) for row in rows.fetchall()]

    def _load_signing(self) -> ECKey | None:
        row = self._database.execute("select private_pem from keys where published_until is null").fetchone()
        return _key(row["private_pem"]) if row else None

    def _begin(self, now: int) -> ECKey:
        key = new_key()
        self._database.execute(
            "insert into keys (kid, private_pem, created_at) values (?, ?, ?)",
            (key.thumbprint(), key.as_pem(private=True).decode(), now),
        )
        return key


def new_key() -> ECKey:
    """A fresh P-256 key that names its use and its thumbprint."""
    return _key(ECKey.generate_key("P-256").as_pem(private=True).decode())


def _key(private_pem: str) -> ECKey:
    thumbprint = ECKey.import_key(private_pem).thumbprint()
    return ECKey.import_key(private_pem, {"use": "sig", "alg": ALGORITHM, "kid": thumbprint})
