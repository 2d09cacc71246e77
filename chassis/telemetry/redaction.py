"""No personal data and no secret leaves in a log line, even when somebody forgets.
 The first defence is to log internal ids only. This is the second: values under telling names are dropped, and text
that looks like a NIK, a phone number, a card or account number or a token is masked wherever it stands, in messages
of exceptions too."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

MASK: Final = "[redacted]"

_TELLING: Final = frozenset(
    {
        "nik",
        "name",
        "full_name",
        "birth_date",
        "birth_place",
        "phone",
        "msisdn",
        "email",
        "address",
        "person",
        "payload",
        "body",
        "value",
        "values",
        "box",
        "text",
        "message_text",
        "account",
        "account_number",
        "token",
        "access_token",
        "authorization",
        "cookie",
        "password",
        "secret",
        "client_secret",
        "api_key",
        "key_bytes",
        "master_key",
        "signature",
        "parameters",
        "params",
        "input",
    }
)
_LOOKS_PERSONAL: Final = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.?[\w-]*"  # a JWT
    r"|(?i:bearer|basic) +[\w.~+/=-]+"
    r"|(?<![\w-])(?:\+?62|0)[ .-]?8(?:[ .-]?\d){7,12}(?![\w])"  # a mobile number
    r"|(?<![\w.-])\+?\d(?:[ .]?\d){9,}(?![\w-])"  # ten digits or more: NIK, KPJ, account, virtual account
)
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
"""Apart, and asked only where there is an @: it tries every place of a text to its end, which makes a UUID the dearest part of a line."""
_DIGITS_OF_A_NIK: Final = range(10**15, 10**16)
_DEEPEST: Final = 4
_WORD: Final = 32
"""Longest text, in characters, of which it is remembered what it is shown as."""


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor."""
    for name, value in event.items():
        event[name] = MASK if name in _TELLING else mask(value)
    return event


def mask(value: Any, depth: int = 0) -> Any:
    """The value with everything that looks personal masked; what cannot be judged is shown by its type alone."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return MASK if value in _DIGITS_OF_A_NIK else value
    if isinstance(value, str):
        return _masked(value)
    if isinstance(value, UUID):
        return str(value)  # holds nothing else, and is dear to look through
    if depth == _DEEPEST or isinstance(value, bytes | bytearray | memoryview):
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {str(k): MASK if str(k) in _TELLING else mask(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(item, depth + 1) for item in value]
    return _masked(str(value))


def _masked(text: str) -> str:
    return _masked_before(text) if len(text) <= _WORD else _search(text)


def _search(text: str) -> str:
    return _LOOKS_PERSONAL.sub(MASK, _EMAIL.sub(MASK, text) if "@" in text else text)


_masked_before = lru_cache(maxsize=1_024)(_search)
"""Of words: names of events, routes and codes come in every line."""
