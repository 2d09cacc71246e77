"""A message as a customer sends it."""

import hashlib
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, model_validator

_PHONE = re.compile(r"\+?[0-9]{8,15}", re.ASCII)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class Message(BaseModel):
    """`to` is a phone number (8 to 15 digits, `+` allowed) or, by e-mail, an address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: Annotated[str, StringConstraints(max_length=255)]
    channel: Annotated[Literal["sms", "whatsapp", "email"], BeforeValidator(_lower)]
    language: Literal["id", "en"]
    text: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    reference: Annotated[str, StringConstraints(min_length=1, max_length=128)]

    @model_validator(mode="after")
    def _reachable(self) -> "Message":
        if not (_ADDRESS if self.channel == "email" else _PHONE).fullmatch(self.to):
            raise ValueError("to must be a phone number, or an address when the channel is email")
        return self

    def fingerprint(self) -> str:
        """The same for the same content, however the JSON was laid out."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
