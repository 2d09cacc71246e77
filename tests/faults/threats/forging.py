"""Forged calls of a bank: a call that would be accepted, with one thing about it changed by somebody who lacks the secret.

`KINDS` names every way; each takes a genuine call and gives the forged one. Nothing of ours is used to make them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.payments.bank import PATH, Bank

DEAD_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
"""Every bank's key before its rotation."""


@dataclass(frozen=True)
class Call:
    """An HTTP call, complete."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def with_header(self, name: str, value: str) -> Call:
        return replace(self, headers={**self.headers, name: value})


@dataclass
class Forger:
    """`victim` signs genuine calls; `accomplice` is another partner, whose own secrets the forger may use."""

    victim: Bank
    accomplice: Bank
    dice: random.Random

    def genuine(self, service: str, body: Mapping[str, Any], method: str = "POST") -> Call:
        raw = json.dumps(body).encode()
        path = f"{PATH}/transfer-va/{service}"
        return Call("POST", path, self.victim.envelope(path, raw, method), raw)

    def byte_in_body(self, call: Call) -> Call:
        at = self.dice.randrange(len(call.body))
        other = self.dice.choice([b for b in range(256) if b != call.body[at]])
        return replace(call, body=call.body[:at] + bytes([other]) + call.body[at + 1 :])

    def amount(self, call: Call) -> Call:
        return replace(call, body=call.body.replace(b'.00"', b'.01"') + b"")

    def spelling(self, call: Call) -> Call:
        """The same JSON value in other bytes: only a check of parsed text would let it through."""
        members = json.loads(call.body)
        name, value = next(iter(members.items()))
        match self.dice.randrange(3):
            case 0:
                body = json.dumps(dict(reversed(members.items()))).encode()
            case 1:
                body = call.body.replace(b'"P', b'"\\u0050', 1).replace(b'"I', b'"\\u0049', 1)
                body = body if body != call.body else call.body.replace(b'"c', b'"\\u0063', 1)
            case _:
                body = b"{" + f'"{name}": {json.dumps(value)}, '.encode() + call.body[1:]
        return replace(call, body=body)

    def path(self, call: Call) -> Call:
        at = self.dice.choice(("?x=1", "?", "/", "%2f", ";a", ""))
        other = call.path + at if at not in ("", "?") else call.path.replace("transfer-va", "transfer-Va")
        return replace(call, path=other)

    def service(self, call: Call) -> Call:
        service = call.path.rpartition("/")[2]
        return replace(call, path=call.path.replace(service, "status" if service == "payment" else "payment"))

    def method(self, call: Call) -> Call:
        return replace(call, method=self.dice.choice(("GET", "PUT", "PATCH", "DELETE")))

    def signed_for_another_method(self, call: Call) -> Call:
        return replace(call, headers=self.victim.envelope(call.path, call.body, self.dice.choice(("GET", "PUT"))))

    def time(self, call: Call) -> Call:
        moment = call.headers["X-TIMESTAMP"]
        at = self.dice.choice((12, 15, 18))
        digit = str((int(moment[at]) + self.dice.randrange(1, 10)) % 10)
        return call.with_header("X-TIMESTAMP", moment[:at] + digit + moment[at + 1 :])

    def stale(self, call: Call) -> Call:
        """Rightly signed, outside the window of five minutes either way."""
        away = timedelta(seconds=self.dice.choice((-1, 1)) * self.dice.randrange(301, 90_000))
        clock = self.victim.h.clock
        clock.move_wall(away)
        headers = self.victim.envelope(call.path, call.body)
        clock.move_wall(-away)
        return replace(call, headers=headers)

    def token(self, call: Call) -> Call:
        if "Authorization" not in call.headers:
            return call.with_header("Authorization", f"Bearer {self.accomplice.token}")
        return call.with_header("Authorization", f"Bearer {self._twisted(call.headers['Authorization'][7:])}")

    def token_of_another(self, call: Call) -> Call:
        return call.with_header("Authorization", f"Bearer {self.accomplice.token}")

    def without_token(self, call: Call) -> Call:
        if "Authorization" not in call.headers:
            return call.with_header("Authorization", "Bearer ")
        return replace(call, headers={k: v for k, v in call.headers.items() if k != "Authorization"})

    def key_of_another(self, call: Call) -> Call:
        """The other partner signs with what it has, under the victim's name."""
        theirs = self.accomplice.envelope(call.path, call.body)
        return replace(call, headers={**call.headers, "X-TIMESTAMP": theirs["X-TIMESTAMP"], **_signature(theirs)})

    def token_and_key_of_another(self, call: Call) -> Call:
        theirs = self.accomplice.envelope(call.path, call.body)
        return replace(call, headers={**theirs, "X-PARTNER-ID": self.victim.partner_id})

    def dead_key(self, call: Call) -> Call:
        """Rightly signed, with the secret or key that was the victim's before it was rotated."""
        return replace(call, headers={**call.headers, **_signed(before(self.victim).envelope(call.path, call.body))})

    def another_version(self, call: Call) -> Call:
        return replace(call, path=call.path.replace("/v1.0/", "/v2.0/"))

    def signature(self, call: Call) -> Call:
        return call.with_header("X-SIGNATURE", self._twisted(call.headers["X-SIGNATURE"]))

    def last_letter_of_signature(self, call: Call) -> Call:
        """Base64 has bits that decode to nothing: another spelling of the same signature is no signature."""
        text = call.headers["X-SIGNATURE"]
        at = len(text.rstrip("=")) - 1
        letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        other = letter[letter.index(text[at]) ^ 1]
        return call.with_header("X-SIGNATURE", text[:at] + other + text[at + 1 :])

    def no_signature(self, call: Call) -> Call:
        return call.with_header("X-SIGNATURE", self.dice.choice(("", "=", "AAAA", "null", "00" * 64)))

    def _twisted(self, text: str) -> str:
        at = self.dice.randrange(len(text.rstrip("=")))
        other = self.dice.choice([c for c in "ABCxyz019" if c != text[at]])
        return text[:at] + other + text[at + 1 :]


def before(bank: Bank) -> Bank:
    """The bank as it was before its rotation."""
    return replace(bank, secret=f"{bank.secret}-before", key=DEAD_KEY)


def _signature(headers: Mapping[str, str]) -> dict[str, str]:
    return {"X-SIGNATURE": headers["X-SIGNATURE"]}


def _signed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("X-TIMESTAMP", "X-SIGNATURE")}


Kind = Callable[[Forger, Call], Call]
KINDS: Mapping[str, Kind] = {
    "byte in body": Forger.byte_in_body,
    "amount": Forger.amount,
    "spelling": Forger.spelling,
    "path": Forger.path,
    "service": Forger.service,
    "method": Forger.method,
    "signed for another method": Forger.signed_for_another_method,
    "time": Forger.time,
    "stale": Forger.stale,
    "token": Forger.token,
    "token of another": Forger.token_of_another,
    "without token": Forger.without_token,
    "key of another": Forger.key_of_another,
    "token and key of another": Forger.token_and_key_of_another,
    "dead key": Forger.dead_key,
    "another version": Forger.another_version,
    "signature": Forger.signature,
    "last letter of signature": Forger.last_letter_of_signature,
    "no signature": Forger.no_signature,
}
