"""Exchanges as data: what is sent, and what the standard says the answer is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.payments.kit.stage import Answer, Message, Stage

Say = Callable[[Stage], Message | Awaitable[Message]]
Wanted = Any | Callable[[Any], bool]


@dataclass(frozen=True)
class Step:
    """One exchange. `fields`: dotted path in the answer → its value, or a function that says whether it is right. `naming`: the field or
    header that the message must name, or the reason of a 401 that it must end with. `reason`: which one, in English, where the code has several.
    """

    name: str
    say: Say
    code: str
    fields: Mapping[str, Wanted] = field(default_factory=dict)
    naming: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Case:
    """Exchanges that belong together and share numbers and ids: they are played in this order."""

    name: str
    steps: Sequence[Step]


@dataclass(frozen=True)
class Same:
    """Wanted: the value that the answer to an earlier step of the case has at this path."""

    step: str
    path: str

    def of(self, stage: Stage) -> Any:
        answer = stage.of_case.get(self.step)
        return _at(answer.body, self.path) if isinstance(answer, Answer) else None


def single(
    name: str, say: Say, code: str, fields: Mapping[str, Wanted] | None = None, *, naming: str = "", reason: str = ""
) -> Case:
    """A case of one exchange."""
    return Case(name, [Step(name, say, code, fields or {}, naming, reason)])


def faults(step: Step, message: Message, answer: Answer, expected: Mapping[str, Wanted]) -> list[str]:
    """What is wrong with an answer, in words; empty when nothing is."""
    if answer.code != step.code:
        return [f"responseCode is {answer.code or 'absent'} (HTTP {answer.status}), not {step.code}"]
    wrong = [*_form(answer), *_flags(answer, message)]
    if step.naming and not str(answer.body.get("responseMessage", "")).endswith(f" {step.naming}"):
        wrong.append(f"responseMessage does not name {step.naming}: {answer.body.get('responseMessage')!r}")
    if step.reason and answer.reason != step.reason:
        wrong.append(f"the reason is {answer.reason!r}, not {step.reason!r}")
    for path, wanted in expected.items():
        found = _at(answer.body, path)
        if not (wanted(found) if callable(wanted) else found == wanted):
            wrong.append(f"{path} is {found!r}" + ("" if callable(wanted) else f", not {wanted!r}"))
    return wrong


def _form(answer: Answer) -> list[str]:
    """What holds for every answer (section 12.5)."""
    wrong, code = [], answer.body.get("responseCode")
    if not (isinstance(code, str) and len(code) == 7 and code.isdigit()):
        wrong.append("responseCode is no text of seven digits")
    if str(code)[:3] != str(answer.status):
        wrong.append(f"HTTP status {answer.status} disagrees with responseCode {code}")
    message = answer.body.get("responseMessage")
    if not isinstance(message, str) or not 0 < len(message) <= 150:
        wrong.append("responseMessage is no text of 1 to 150 characters")
    if len(answer.headers.get("X-TIMESTAMP", "")) != 25:
        wrong.append("X-TIMESTAMP of the answer has not 25 characters")
    if answer.headers.get("content-type", "").partition(";")[0] != "application/json":
        wrong.append("Content-Type of the answer is not application/json")
    return wrong


def _flags(answer: Answer, message: Message) -> list[str]:
    """A business error carries its flag and both reasons; a 401, a 405 and what answers a notice are bare (section 12.13)."""
    kind, data = ("inquiry" if message.service == "inquiry" else "paymentFlag"), answer.data
    if message.service in ("token", "notice") or answer.status in (401, 405):
        bare = answer.status < 400 or {*answer.body} == {"responseCode", "responseMessage"}
        return [] if bare else ["more than responseCode and responseMessage"]
    reason = data.get(f"{kind}Reason")
    languages = isinstance(reason, dict) and all(reason.get(name) for name in ("english", "indonesia"))
    wrong = [] if languages else [f"{kind}Reason lacks english or indonesia"]
    posted = answer.status == 200 or answer.code == "4042518"
    flag = data.get(f"{kind}Status")
    told = (
        ("00", "01", "03") if message.service == "status" else ("00",)
    )  # of a payment that was taken out of the books 01
    if flag not in (told if posted else ("01",)):
        wrong.append(f"{kind}Status is {flag!r}")
    return wrong + _echo(answer, message)


def _echo(answer: Answer, message: Message) -> list[str]:
    """The keys of the number come back as they were sent, padding included (section 12.6). A call that ended at its headers was not read."""
    data = answer.data
    if not isinstance(message.body, dict) or answer.status == 400:
        return []
    names = ("partnerServiceId", "customerNo", "virtualAccountNo")
    sent = {name: message.body.get(name) for name in names if isinstance(message.body.get(name), str)}
    return [f"{name} is not echoed as sent" for name, value in sent.items() if data.get(name) != value]


def _at(body: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(body, list) and part.isdigit() and int(part) < len(body):
            body = body[int(part)]
        elif isinstance(body, dict):
            body = body.get(part)
        else:
            return None
    return body
