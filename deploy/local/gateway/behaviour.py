"""A provider's bad days, on request."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Answer = Literal[
    "normal",
    "too_many_requests",
    "error_after_accepting",
    "malformed_after_accepting",
    "timeout_after_accepting",
    "timeout_before_accepting",
]


class Behaviour(BaseModel):
    """How the provider misbehaves; the defaults are a good day. `POST /behaviour` replaces all of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: Answer = "normal"
    # How many coming messages get that answer; None: until changed.
    answers: Annotated[int, Field(ge=1)] | None = None
    retry_after_s: Annotated[int, Field(ge=0, le=3600)] = 1
    # How long a time-out lasts; the connection then ends with 504.
    timeout_s: Annotated[float, Field(ge=0, le=600)] = 30
    # For messages accepted from now on.
    receipts: Literal["normal", "doubled", "never"] = "normal"
    fail_suffixes: list[Annotated[str, StringConstraints(min_length=1, max_length=15)]] = []
    fail_reason: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")] = "number_unreachable"
    honours_keys: bool = True


class Mode:
    """The behaviour in force."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()

    def set(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour

    def next_answer(self) -> Answer:
        """How to answer the message at hand; back to normal when the count is used up."""
        answer, left = self.behaviour.answer, self.behaviour.answers
        if left is not None:
            changes = {"answers": left - 1} if left > 1 else {"answer": "normal", "answers": None}
            self.behaviour = self.behaviour.model_copy(update=changes)
        return answer
