"""Plays the exchanges and says of each whether the answer was right."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from services.payments.kit.cases import Case, Same, Step, faults
from services.payments.kit.stage import CannotPlay, Message, Stage

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
MOST_SHOWN = 300


@dataclass(frozen=True)
class Result:
    """`request`: method, path, and as much of the body as fits a line; nothing secret. `reason`: that of the answer, in English."""

    case: str
    name: str
    outcome: str
    expected: str
    answered: str
    request: str
    why: tuple[str, ...] = ()
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def play(stage: Stage, cases: Sequence[Case]) -> AsyncIterator[Result]:
    """Every exchange in order. A case whose step was skipped is skipped from there on; a failed one goes on."""
    for case in cases:
        stage.new_case()
        missing = ""
        for step in case.steps:
            if missing:
                yield _skipped(case, step, missing)
                continue
            try:
                yield await _played(stage, case, step)
            except CannotPlay as cannot:
                missing = f"needs {cannot}"
                yield _skipped(case, step, missing)


async def _played(stage: Stage, case: Case, step: Step) -> Result:
    said = step.say(stage)
    message: Message = await said if inspect.isawaitable(said) else said
    shown = _shown(message)
    try:
        answer = await stage.send(message)
    except httpx.HTTPError as error:
        why = f"no answer: {type(error).__name__}"
        return Result(case.name, step.name, FAILED, step.code, "", shown, (why,))
    stage.of_case[step.name] = answer
    wrong = faults(step, message, answer, {path: _of(stage, wanted) for path, wanted in step.fields.items()})
    return Result(
        case.name,
        step.name,
        FAILED if wrong else PASSED,
        step.code,
        answer.code or str(answer.status),
        shown,
        tuple(wrong),
        answer.reason,
    )


def _of(stage: Stage, wanted: Any) -> Any:
    """What an earlier answer of the case says, where that is what is wanted."""
    return wanted.of(stage) if isinstance(wanted, Same) else wanted


def _skipped(case: Case, step: Step, why: str) -> Result:
    return Result(case.name, step.name, SKIPPED, step.code, "", "", (why,))


def _shown(message: Message) -> str:
    return f"{message.method} {message.path or message.service} {message.raw()[:MOST_SHOWN].decode(errors='replace')}"
