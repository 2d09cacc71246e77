"""What is wrong with a field, said in both languages, whatever the kind of error.
 A service's own validator raises `field_fault("nik_serial", id=…, en=…)`; every kind pydantic knows is worded here.
Values are never quoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic_core import PydanticCustomError

from chassis.problems import FieldError

MOST_ERRORS: Final = 100
_LONGEST_NAME: Final = 120

_KINDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "missing": ("missing", "Isian ini wajib ada.", "This field is required."),
    "extra_forbidden": ("unknown_field", "Isian ini tidak dikenal; hapus.", "This field is not known; remove it."),
    "string_too_long": ("too_long", "Paling banyak {max_length} karakter.", "At most {max_length} characters."),
    "string_too_short": ("too_short", "Paling sedikit {min_length} karakter.", "At least {min_length} characters."),
    "too_long": ("too_many", "Paling banyak {max_length} butir.", "At most {max_length} items."),
    "too_short": ("too_few", "Paling sedikit {min_length} butir.", "At least {min_length} items."),
    "string_pattern_mismatch": ("wrong_format", "Bentuknya harus {pattern}.", "It must match {pattern}."),
    "greater_than": ("too_small", "Harus lebih dari {gt}.", "It must be more than {gt}."),
    "greater_than_equal": ("too_small", "Paling kecil {ge}.", "It must be {ge} or more."),
    "less_than": ("too_large", "Harus kurang dari {lt}.", "It must be less than {lt}."),
    "less_than_equal": ("too_large", "Paling besar {le}.", "It must be {le} or less."),
    "enum": ("not_a_choice", "Pilih salah satu: {expected}.", "Choose one of: {expected}."),
    "literal_error": ("not_a_choice", "Pilih salah satu: {expected}.", "Choose one of: {expected}."),
    "timezone_aware": ("wrong_format", "Waktu harus memuat zona (+07:00).", "The time needs an offset (+07:00)."),
}
_FAMILIES: Final[Sequence[tuple[str, tuple[str, str, str]]]] = (
    ("string_unicode", ("bad_characters", "Ada karakter yang tidak sah.", "It holds characters that are not valid.")),
    ("string_", ("not_text", "Harus berupa teks.", "It must be text.")),
    (
        "int_",
        (
            "not_a_whole_number",
            "Harus bilangan bulat, tanpa tanda kutip.",
            "It must be a whole number, without quotes.",
        ),
    ),
    (
        "finite_number",
        (
            "not_a_whole_number",
            "Harus bilangan bulat, tanpa tanda kutip.",
            "It must be a whole number, without quotes.",
        ),
    ),
    ("bool_", ("not_a_boolean", "Harus true atau false.", "It must be true or false.")),
    ("uuid_", ("not_an_id", "Harus berupa UUID.", "It must be a UUID.")),
    ("is_instance_of", ("wrong_type", "Jenisnya salah.", "It is of the wrong type.")),
    ("datetime_", ("not_a_time", "Harus waktu ISO 8601 berzona.", "It must be an ISO 8601 time with its offset.")),
    ("date_", ("not_a_date", "Harus tanggal yang ada, TTTT-BB-HH.", "It must be an existing date, YYYY-MM-DD.")),
    ("list_", ("not_a_list", "Harus berupa daftar.", "It must be a list.")),
    ("tuple_", ("not_a_list", "Harus berupa daftar.", "It must be a list.")),
    ("dict_", ("not_an_object", "Harus berupa nama dengan nilainya.", "It must be names with their values.")),
    ("model_", ("not_an_object", "Harus berupa nama dengan nilainya.", "It must be names with their values.")),
)
_OTHER: Final = ("invalid_value", "Nilainya tidak sah; lihat dokumentasi API.", "The value is not valid; see the API.")


def field_fault(code: str, *, id: str, en: str) -> PydanticCustomError:
    """To be raised by a validator of a request model: a stable code and what to do, in both languages, without the
    value."""
    # pydantic's own formatting is not wanted, and no literal type can be had for a code from a table
    return PydanticCustomError("own", "{code}", {"code": code, "id": id, "en": en})


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """pydantic's errors as ours, at most MOST_ERRORS, in the order of the fields."""
    holders = {tuple(error["loc"][:depth]) for error in errors for depth in range(len(error["loc"]))}
    # pydantic (2.14) counts only the valid items of a list, so a bad item makes it "too short" as well
    meant = [e for e in errors if not (e["type"] == "too_short" and tuple(e["loc"]) in holders)]
    return [_field_error(error) for error in meant[:MOST_ERRORS]]


def field_name(location: Sequence[object]) -> str:
    """`programmes.1`; a whole body is `body`. What a caller wrote as a name comes back printable and cut."""
    parts = [str(part) for part in location if "[" not in str(part) and not str(part).startswith("function-")]
    name = ".".join(parts).encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else "\ufffd" for c in name)[:_LONGEST_NAME] or "body"


def _field_error(error: Mapping[str, Any]) -> FieldError:
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "own":
        return FieldError(field_name(error["loc"]), context["code"], context["id"], context["en"])
    code, id_, en = _KINDS.get(kind) or next((found for start, found in _FAMILIES if kind.startswith(start)), _OTHER)
    filled = {name: str(value) for name, value in context.items()}
    choices = " atau ".join(filled.get("expected", "").rsplit(" or ", 1))  # pydantic lists them in English
    return FieldError(
        field_name(error["loc"]), code, id_.format_map(filled | {"expected": choices}), en.format_map(filled)
    )
