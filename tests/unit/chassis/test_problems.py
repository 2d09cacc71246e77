"""Every refusal the edge itself can give is a complete problem in both languages."""

from __future__ import annotations

import dataclasses
import string

import pytest

from chassis import problems
from chassis.problems import NOT_FOUND, FieldError, ProblemType, Refusal, Rejected, render

EVERY = [value for value in vars(problems).values() if isinstance(value, ProblemType)]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("problem", EVERY, ids=lambda problem: problem.code)
class TestEvery:
    def test_speaks_both_languages_with_the_same_placeholders(self, problem: ProblemType) -> None:
        assert problem.id != problem.en
        assert placeholders(problem.id) == placeholders(problem.en)

    def test_renders_as_rfc_9457(self, problem: ProblemType) -> None:
        values = dict.fromkeys(placeholders(problem.en), "x")
        told = render(Rejected(problem, values=values))
        assert told["type"] == f"urn:perisai:problem:{problem.code}"
        assert (told["status"], told["code"]) == (problem.status, problem.code)
        assert isinstance(told["detail"], str)
        assert told["messages"].keys() == {"id", "en"}
        assert "{" not in told["detail"]

    def test_status_is_an_error(self, problem: ProblemType) -> None:
        assert 400 <= problem.status < 600


def test_codes_are_different() -> None:
    assert len({problem.code for problem in EVERY}) == len(EVERY)


def test_absent_members_are_left_out() -> None:
    assert not {"field", "rules", "errors"} & render(Rejected(NOT_FOUND)).keys()


def test_field_rules_and_errors_are_told() -> None:
    fault = FieldError("lines.0", "too_small", "Terlalu kecil.", "Too small.")
    told = render(Rejected(NOT_FOUND, field="lines", rules="bpu/2025-01", errors=(fault,)))
    assert (told["field"], told["rules"]) == ("lines", "bpu/2025-01")
    assert told["errors"] == [
        {"field": "lines.0", "code": "too_small", "messages": {"id": "Terlalu kecil.", "en": "Too small."}}
    ]


def test_values_fill_both_sentences() -> None:
    problem = ProblemType("late", 409, "Lewat {days} hari.", "{days} days late.")
    assert render(Rejected(problem, values={"days": "3"}))["messages"] == {"id": "Lewat 3 hari.", "en": "3 days late."}


def test_forgotten_value_is_a_mistake_of_the_code() -> None:
    with pytest.raises(KeyError):
        render(Rejected(ProblemType("late", 409, "{days}", "{days}")))


def test_refusal_says_its_code_alone() -> None:
    refusal = Refusal(Rejected(NOT_FOUND, values={"nik": "3671015501900001"}))
    assert str(refusal) == "not_found"


def test_rejected_is_a_value() -> None:
    assert Rejected(NOT_FOUND) == Rejected(NOT_FOUND)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Rejected(NOT_FOUND).field = "x"  # type: ignore[misc]
