"""Who may ask for a token: services and local persons, each with the claims its tokens carry.

Secrets are kept as salted scrypt hashes; a secret is never shown again.
"""

import hashlib
import hmac
import json
import secrets
import sqlite3
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from deploy.local.outside.environment import SettingError

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Role = Literal["agent", "coordinator", "officer", "checker", "participant", "central", "auditor", "operator", "service"]
SCHEMA = """
create table if not exists accounts (
    client_id text primary key,
    salt blob not null,
    secret_hash blob not null,
    identity text not null
);
"""


class Identity(BaseModel):
    """The claims about a person or service; scopes that do not apply are absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sub: Text
    roles: list[Role] = Field(min_length=1)
    branch_id: Text | None = None
    wadah_id: Text | None = None
    agent_id: Text | None = None
    participant_id: Text | None = None


class Account(Identity):
    """An identity with the secret that opens it."""

    client_secret: Annotated[str, StringConstraints(min_length=8, max_length=200)]

    def identity(self) -> Identity:
        """The account without its secret."""
        return Identity(**self.model_dump(exclude={"client_secret"}))


class _NamedAccount(Account):
    client_id: Text


class _AccountsFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accounts: list[_NamedAccount]


class Accounts:
    """The accounts in the issuer's database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def put(self, client_id: str, account: Account) -> bool:
        """Registers or replaces an account; True when it is new."""
        known = self._row(client_id) is not None
        salt = secrets.token_bytes(16)
        self._database.execute(
            "insert or replace into accounts (client_id, salt, secret_hash, identity) values (?, ?, ?, ?)",
            (client_id, salt, _hash(account.client_secret, salt), account.identity().model_dump_json()),
        )
        return not known

    def remove(self, client_id: str) -> bool:
        """False when there was none. Tokens already given live on until they expire."""
        return self._database.execute("delete from accounts where client_id = ?", (client_id,)).rowcount > 0

    def open(self, client_id: str, client_secret: str) -> Identity | None:
        """The identity, or None: unknown client and wrong secret look and last alike."""
        row = self._row(client_id)
        salt, expected = (row["salt"], row["secret_hash"]) if row else (b"-" * 16, b"-" * 32)
        if not hmac.compare_digest(_hash(client_secret, salt), expected) or row is None:
            return None
        return Identity.model_validate_json(row["identity"])

    def all(self) -> dict[str, Identity]:
        """Every account by client id, in its order, without secrets."""
        rows = self._database.execute("select client_id, identity from accounts order by client_id").fetchall()
        return {row["client_id"]: Identity.model_validate_json(row["identity"]) for row in rows}

    def load(self, path: Path) -> None:
        """Registers the accounts of a JSON file `{"accounts": [{"client_id", "client_secret", "sub", "roles", …}]}`."""
        try:
            found = _AccountsFile.model_validate(json.loads(path.read_bytes()))
        except OSError as error:
            raise SettingError(f"ACCOUNTS_FILE {path} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise SettingError(f"ACCOUNTS_FILE {path} is wrong at {where}: {first['msg']}") from error
        except ValueError as error:
            raise SettingError(f"ACCOUNTS_FILE {path} is not JSON: {error}") from error
        for account in found.accounts:
            self.put(account.client_id, Account(**account.model_dump(exclude={"client_id"})))

    def _row(self, client_id: str) -> sqlite3.Row | None:
        row = self._database.execute("select * from accounts where client_id = ?", (client_id,)).fetchone()
        return row if isinstance(row, sqlite3.Row) else None


def _hash(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=2**11, r=8, p=1, dklen=32)
