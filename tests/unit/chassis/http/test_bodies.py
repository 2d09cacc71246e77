"""Every kind of bad body and the answer it must get (reliability.md section 6, HTTP)."""

from __future__ import annotations

import json
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from chassis.http.bodies import DEEPEST, accepts, parse
from chassis.http.faults import MOST_ERRORS, field_fault
from chassis.problems import Refusal, render
from contracts.values import ContributionMonth

CANARY = "Siti Canary 3671015501900001"


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


def not_sold_out(name: str) -> str:
    if name == "sold out":
        raise field_fault("sold_out", id="Barang habis; pilih yang lain.", en="It is sold out; choose another.")
    return name


class Line(BaseModel):
    item: Annotated[str, Field(min_length=2, max_length=30), AfterValidator(not_sold_out)]
    count: Annotated[int, Field(ge=1, le=1000)]


class Order(BaseModel):
    customer: UUID
    due: date
    made_at: AwareDatetime
    month: ContributionMonth
    colour: Colour
    gift: bool
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=3)]
    note: Annotated[str, Field(pattern=r"^[^<>]*$")] | None = None


GOOD: dict[str, Any] = {
    "customer": "0199a1b2-0000-7000-8000-000000000001",
    "due": "2025-10-06",
    "made_at": "2025-10-06T09:00:00+07:00",
    "month": "2025-10",
    "colour": "RED",
    "gift": False,
    "lines": [{"item": "bata", "count": 2}],
}


def refusal(raw: bytes | str | dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(raw) if isinstance(raw, dict) else raw
    with pytest.raises(Refusal) as caught:
        parse(body.encode() if isinstance(body, str) else body, Order)
    return render(caught.value.rejected)


def errors(raw: bytes | str | dict[str, Any]) -> dict[str, str]:
    told = refusal(raw)
    assert (told["status"], told["code"]) == (422, "invalid")
    assert all(fault["messages"]["id"] and fault["messages"]["en"] for fault in told["errors"])
    return {fault["field"]: fault["code"] for fault in told["errors"]}


def test_good_body_is_read_with_its_types() -> None:
    order = parse(json.dumps(GOOD).encode(), Order)
    assert order.month == ContributionMonth(2025, 10)
    assert order.made_at == datetime.fromisoformat("2025-10-06T02:00:00+00:00")
    assert order.lines[0].count == 2


class TestMalformed:
    @pytest.mark.parametrize(
        ("raw", "position"),
        [
            (b"", "line 1, column 1"),
            (b"{", "line 1, column 2"),
            (b'{"a": 1,\n "b" 2}', "line 2, column 6"),
            (b"{'a': 1}", "line 1, column 2"),
            (b'{"a": 1} x', "line 1, column 10"),
            (b'{"a": "\x00"}', "line 1, column 8"),
            (b'\xef\xbb\xbf{"a": 1}', "line 1, column 1"),
            (b'{"a": "\xff"}', "byte 8"),
            (b'{"a": 1, "b": 2, "a": 3}', "duplicate member a"),
            (b'{"x": [{"a": 1, "a": 1}]}', "duplicate member a"),
            (b'{"a" :1,"a"\n:2,"b":":x"}', "duplicate member a"),
            (b"[" * 100_000, "depth"),
            (b'{"a":' * 100 + b"1" + b"}" * 100, "depth"),
            (b'{"a": ' + b"9" * 5000 + b"}", "number"),
        ],
        ids=repr,
    )
    def test_answer_is_400_with_the_position(self, raw: bytes, position: str) -> None:
        told = refusal(raw)
        assert (told["status"], told["code"]) == (400, "malformed")
        assert position in told["messages"]["en"]
        assert position in told["messages"]["id"]

    def test_nesting_up_to_the_limit_is_no_fault_of_form(self) -> None:
        raw = '{"a":' * DEEPEST + "1" + "}" * DEEPEST
        assert "a" in errors(raw)


class TestWrongFields:
    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("customer", "x", "not_an_id"),
            ("customer", 5, "not_an_id"),
            ("due", "2025-02-30", "not_a_date"),
            ("due", "2025-10-06T00:00:00", "not_a_date"),
            ("due", 20251006, "not_a_date"),
            ("made_at", "2025-10-06T09:00:00", "wrong_format"),
            ("made_at", "yesterday", "not_a_time"),
            ("month", "2025-13", "invalid_value"),
            ("month", 202510, "not_text"),
            ("colour", "GREEN", "not_a_choice"),
            ("gift", 0, "not_a_boolean"),
            ("gift", "false", "not_a_boolean"),
            ("lines", {}, "not_a_list"),
            ("lines", [], "too_few"),
            ("lines", [{"item": "bata", "count": 1}] * 4, "too_many"),
            ("note", "<b>", "wrong_format"),
            ("note", 1, "not_text"),
        ],
    )
    def test_wrong_value_is_named_by_kind(self, field: str, value: object, code: str) -> None:
        assert errors({**GOOD, field: value}) == {field: code}

    @pytest.mark.parametrize("value", ['"1"', "false", "1.5", "1e3", "1.0", "NaN", "Infinity", "null", "[1]"])
    def test_nothing_but_a_whole_number_is_a_whole_number(self, value: str) -> None:
        raw = json.dumps(GOOD).replace('"count": 2', f'"count": {value}')
        assert errors(raw) == {"lines.0.count": "not_a_whole_number"}

    @pytest.mark.parametrize(("value", "code"), [(0, "too_small"), (1001, "too_large"), (10**30, "too_large")])
    def test_limits_are_told(self, value: int, code: str) -> None:
        told = refusal({**GOOD, "lines": [{"item": "bata", "count": value}]})["errors"][0]
        assert told["code"] == code
        assert "1" in told["messages"]["en"]

    def test_choices_are_listed_in_the_language_of_the_sentence(self) -> None:
        told = refusal({**GOOD, "colour": "GREEN"})["errors"][0]
        assert told["messages"] == {
            "id": "Pilih salah satu: 'RED' atau 'BLUE'.",
            "en": "Choose one of: 'RED' or 'BLUE'.",
        }

    def test_own_validator_speaks_for_itself(self) -> None:
        told = refusal({**GOOD, "lines": [{"item": "sold out", "count": 1}]})
        assert told["errors"][0]["code"] == "sold_out"
        assert told["errors"][0]["messages"] == {
            "id": "Barang habis; pilih yang lain.",
            "en": "It is sold out; choose another.",
        }

    def test_every_bad_field_is_listed(self) -> None:
        bad = {**GOOD, "gift": 1, "colour": "x", "surprise": 1, "lines": [{"item": "b", "count": 0, "extra": 1}]}
        del bad["due"]
        assert errors(bad) == {
            "due": "missing",
            "colour": "not_a_choice",
            "gift": "not_a_boolean",
            "lines.0.item": "too_short",
            "lines.0.count": "too_small",
            "lines.0.extra": "unknown_field",
            "surprise": "unknown_field",
        }

    def test_single_bad_field_is_named_at_the_top(self) -> None:
        assert refusal({**GOOD, "gift": 1})["field"] == "gift"
        assert "field" not in refusal({**GOOD, "gift": 1, "colour": "x"})

    def test_body_that_is_no_object(self) -> None:
        for raw in ("[]", "null", '"x"', "5", "true"):
            assert errors(raw) == {"body": "not_an_object"}

    def test_list_of_errors_has_an_end(self) -> None:
        assert len(refusal({**GOOD, **{f"x{n}": n for n in range(500)}})["errors"]) == MOST_ERRORS


class TestText:
    @pytest.mark.parametrize("strange", ["\x00", "\x07", "\n", "\t", "\x7f", "\x85", "\ud800"])
    def test_control_characters_and_lone_surrogates_are_refused(self, strange: str) -> None:
        assert errors({**GOOD, "note": f"a{strange}b"}) == {"note": "bad_characters"}
        assert errors({**GOOD, "lines": [{"item": f"ba{strange}ta", "count": 1}]})["lines.0.item"] == "bad_characters"

    def test_other_faults_are_listed_beside_them(self) -> None:
        assert errors({**GOOD, "note": "\udfff", "gift": 1}) == {"note": "bad_characters", "gift": "not_a_boolean"}

    @pytest.mark.parametrize("text", ["Sití", "日本語", "👷🏽‍♀️", "a\u00a0b", "O'Neil; DROP TABLE", "=1+1"])
    def test_other_text_is_kept_as_it_is(self, text: str) -> None:
        assert parse(json.dumps({**GOOD, "note": text}).encode(), Order).note == text

    def test_strange_names_of_fields_come_back_harmless(self) -> None:
        told = refusal({**GOOD, "\ud800\x00" + "x" * 500: 1})
        json.dumps(told, ensure_ascii=False).encode("utf-8")
        assert all(len(fault["field"]) <= 120 for fault in told["errors"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_whatever_json_comes_is_refused_with_a_problem(tree: Any) -> None:
    with pytest.raises(Refusal) as caught:
        parse(json.dumps(tree).encode(), Order)
    json.dumps(render(caught.value.rejected), ensure_ascii=False).encode("utf-8")


@given(st.binary(max_size=60))
def test_whatever_bytes_come_are_refused_with_a_problem(raw: bytes) -> None:
    with pytest.raises(Refusal):
        parse(raw, Order)


@given(st.sampled_from([*GOOD]), st.sampled_from([CANARY, [CANARY], {"a": CANARY}]))
def test_no_value_is_ever_quoted(field: str, value: Any) -> None:
    raw = json.dumps({**GOOD, field: value, "surprise": CANARY})
    assert "Canary" not in json.dumps(refusal(raw))


def test_schema_of_a_raw_body_stands_alone() -> None:
    schema = accepts(Order)["requestBody"]["content"]["application/json"]["schema"]
    assert "$ref" not in json.dumps(schema)
    assert schema["properties"]["lines"]["items"]["properties"]["count"]["maximum"] == 1000


def test_line_breaks_pass_in_members_that_are_named_for_them_and_nothing_else_does() -> None:
    class Keys(BaseModel):
        keys: tuple[str, ...]
        name: str

    raw = json.dumps({"keys": ["one\ntwo\r\nthree"], "name": "n"}).encode()
    assert parse(raw, Keys, multiline=("keys",)).keys == ("one\ntwo\r\nthree",)
    for bad in ({"keys": ["a\tb"], "name": "n"}, {"keys": ["a"], "name": "b\nc"}):
        with pytest.raises(Refusal):
            parse(json.dumps(bad).encode(), Keys, multiline=("keys",))
