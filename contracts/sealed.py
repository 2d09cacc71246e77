"""Personal data inside an event: on the wire a box that only the key of that person opens, in memory the value itself.
 Wire form: `{"sealed_for": "<subject uuid>", "box": "<base64>"}`; `box` is null once the person is forgotten. The key
belongs to the subject and the box is bound to the event that carries it, so boxes cannot be moved between events. How
to seal and open is handed in through pydantic's context by the chassis; without it a sealed field can be neither read
nor written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, get_args
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializationInfo,
    ValidationError,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

SUBJECT_IN_WIRE_FORM = re.compile(rb'"sealed_for"\s*:\s*"([0-9a-fA-F-]{36})"')


class Personal(BaseModel):
    """Base of the models that may stand inside `Sealed`: what names or reaches a person. Never shown by repr."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    __str__ = __repr__


P = TypeVar("P", bound=Personal)


class Sealer(Protocol):
    def seal(self, subject: UUID, plaintext: bytes) -> str | None:
        """The box for this subject in this event; None when the person is forgotten."""

    def open(self, subject: UUID, box: str) -> bytes | None:
        """The plaintext; None when the person is forgotten. Raises when the key is not at hand or the box was
        tampered with."""


class Sealed(Generic[P]):
    """A person's data in an event. `value` is None when the person was forgotten: apply with blanks.

    Not a dataclass: pydantic would write those field by field, in clear, and never ask the hooks below.
    """

    __slots__ = ("subject", "value")

    def __init__(self, subject: UUID, value: P | None) -> None:
        self.subject, self.value = subject, value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and (self.subject, self.value) == (other.subject, other.value)

    def __hash__(self) -> int:
        return hash(self.subject)

    def __repr__(self) -> str:
        return f"Sealed({self.subject})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (inner,) = get_args(source)

        def read(data: Any, info: ValidationInfo) -> Sealed[Any]:
            if isinstance(data, Sealed):
                return data  # made in memory by a decider
            subject, box = _wire_form(data)
            plaintext = None if box is None else _sealer(info).open(subject, box)
            return Sealed(subject, None if plaintext is None else _opened(inner, plaintext))

        def write(sealed: Sealed[Any], info: SerializationInfo) -> dict[str, str | None]:
            plaintext = None if sealed.value is None else sealed.value.model_dump_json().encode()
            box = None if plaintext is None else _sealer(info).seal(sealed.subject, plaintext)
            return {"sealed_for": str(sealed.subject), "box": box}

        reader = core_schema.with_info_plain_validator_function(read)
        return core_schema.json_or_python_schema(
            json_schema=reader,
            python_schema=reader,
            serialization=core_schema.plain_serializer_function_ser_schema(write, info_arg=True),
            metadata={"pydantic_js_functions": [_describe(inner)]},
        )


def _describe(inner: type[Personal]) -> Callable[[CoreSchema, GetJsonSchemaHandler], JsonSchemaValue]:
    """The wire form, with what is inside: readers depend on that just as much."""

    def describe(_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "type": "object",
            "title": "Sealed",
            "properties": {
                "sealed_for": {"type": "string", "format": "uuid"},
                "box": {"anyOf": [{"type": "string", "contentEncoding": "base64"}, {"type": "null"}]},
            },
            "required": ["sealed_for", "box"],
            "x-sealed": handler(inner.__pydantic_core_schema__),
        }

    return describe


def _wire_form(data: Any) -> tuple[UUID, str | None]:
    match data:
        case {"sealed_for": str(subject), "box": str() | None as box}:
            return UUID(subject), box
    raise ValueError("a sealed field is {sealed_for, box}")


def _opened(inner: type[Personal], plaintext: bytes) -> Personal:
    """Readers ignore fields they do not know, inside a box too. The error says nothing of what is inside."""
    try:
        return inner.model_validate_json(plaintext, extra="ignore")
    except ValidationError:
        raise ValueError("what was sealed does not fit its contract") from None


def _sealer(info: ValidationInfo | SerializationInfo) -> Sealer:
    context: Any = info.context
    if context is None:
        raise ValueError("sealed data needs a sealer in the pydantic context")
    sealer: Sealer = context
    return sealer


class Witness:
    """A sealer that remembers why it failed: pydantic wraps what a serializer raises, without its cause (2.14)."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self.failure: Exception | None = None

    def seal(self, subject: UUID, plaintext: bytes) -> str | None:
        try:
            return self._sealer.seal(subject, plaintext)
        except Exception as failure:
            self.failure = failure
            raise

    def open(self, subject: UUID, box: str) -> bytes | None:
        return self._sealer.open(subject, box)
