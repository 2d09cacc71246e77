"""Request bodies: read raw, checked strictly, refused with every bad field listed and nothing of their values.
 The size was limited before (chassis.http.limits). Malformed JSON, a doubled member or too deep nesting is 400; a
wrong field is 422."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from chassis.http.faults import MOST_ERRORS, field_errors, field_name
from chassis.problems import INVALID, MALFORMED, UNSUPPORTED_MEDIA_TYPE, FieldError, Refusal, Rejected
from contracts.schema import inlined

M = TypeVar("M", bound=BaseModel)

DEEPEST: Final = 16
_STRING: Final[Mapping[str, Any]] = {"type": "string"}
_MEMBER: Final[Mapping[str, Mapping[str, Any]]] = {"]": {"type": "array", "items": _STRING}, "#": {"type": "integer"}}
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for every command, the same for every retry of it: the first answer is given again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_LINE_BREAKS: Final = re.compile("\r?\n")
_NAME: Final = re.compile(rb'"\s*:')
"""The end of every member's name; in a text that begins with a colon too, so it may count too many and never too few."""
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_BAD_CHARACTERS: Final = (
    "bad_characters",
    "Hapus karakter kendali atau karakter yang tidak sah.",
    "Remove control characters and characters that are not valid Unicode.",
)


async def body(request: Request, model: type[M], *, multiline: Collection[str] = ()) -> M:
    """The JSON body as `model`, strictly: no coercion, no unknown fields. `multiline`: members whose texts may hold
    line breaks (keys in PEM).

    Raises Refusal: unsupported_media_type, malformed (with position), or invalid with every bad field.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(Rejected(UNSUPPORTED_MEDIA_TYPE, values={"expected": "application/json"}))
    return parse(await request.body(), model, multiline=multiline)


def parse(raw: bytes, model: type[M], *, multiline: Collection[str] = ()) -> M:
    """As `body`, for bytes at hand."""
    strange: list[FieldError] = []
    if not _is_plain(raw):
        tree = _tree(raw)
        strange = list(_strange_text(tree, multiline))
    elif not _names_each_member_once(raw):
        _tree(raw)
    try:
        found = model.model_validate_json(_sound(tree) if strange else raw, strict=True, extra="forbid")
    except ValidationError as error:
        wrong = field_errors(error.errors(include_input=False, include_url=False))
        known = {fault.field for fault in strange}
        raise invalid([*strange, *(fault for fault in wrong if fault.field not in known)]) from None
    if strange:
        raise invalid(strange)
    return found


def accepts(model: type[BaseModel]) -> dict[str, Any]:
    """The `openapi_extra=` of a route that reads its body with `body(request, model)`."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inlined(model)}}}}


def accepts_command(model: type[BaseModel] | None = None, *, gives: Sequence[str], status: int = 200) -> dict[str, Any]:
    """As `accepts`, for a route that ends in `answer`: it also wants an Idempotency-Key. Without a model the body is empty.

    `gives`: the members of the answer, strings; one that ends in `[]` is a list of strings, one in `#` a whole number.
    """
    members = {name.rstrip("[]#"): _MEMBER.get(name[-1], _STRING) for name in gives}
    schema = {"type": "object", "properties": members, "required": list(members)}
    answer = {str(status): {"content": {"application/json": {"schema": schema}}}}
    return {"parameters": [_KEY], "responses": answer, **(accepts(model) if model is not None else {})}


class _Doubled(ValueError):
    """A member name that occurs twice in one object."""


def _tree(raw: bytes) -> Any:
    """The parsed JSON. Raises Refusal `malformed`, with the position where the parser gives one."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        _malformed(f"UTF-8, byte {error.start + 1}")
    except json.JSONDecodeError as error:
        _malformed(f"line {error.lineno}, column {error.colno}")
    except _Doubled as error:
        _malformed(str(error))
    except RecursionError:
        _malformed(f"depth > {DEEPEST}")
    except ValueError:
        _malformed("number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise _Doubled(f"duplicate member {field_name([doubled])}")
    return members


def _malformed(reason: str) -> NoReturn:
    raise Refusal(Rejected(MALFORMED, values={"reason": reason})) from None


def _is_plain(raw: bytes) -> bool:
    """JSON whose bytes alone show that no text in it is strange and that it is not too deep; most bodies are such."""
    ascii_only = raw.isascii() and b"\\" not in raw and b"\x7f" not in raw  # a bare control character is no JSON
    return ascii_only and raw.count(b"{") + raw.count(b"[") <= DEEPEST


def _names_each_member_once(raw: bytes) -> bool:
    """Whether plain JSON surely has no member twice: no more names than members. Most bodies pass, and reading the pairs of one in Python
    takes as long as validating it."""
    try:
        return len(_NAME.findall(raw)) == _members(from_json(raw))
    except ValueError:
        return False


def _members(node: Any) -> int:
    if isinstance(node, dict):
        return len(node) + sum(map(_members, node.values()))
    return sum(map(_members, node)) if isinstance(node, list) else 0


def _strange_text(node: Any, multiline: Collection[str], path: tuple[object, ...] = ()) -> Iterator[FieldError]:
    """A fault for every text with control characters or lone surrogates; PostgreSQL cannot even store a NUL."""
    if len(path) > DEEPEST:
        _malformed(f"depth > {DEEPEST}")
    if isinstance(node, str):
        text = _LINE_BREAKS.sub("", node) if path and path[0] in multiline else node
        if not (text.isascii() and text.isprintable()) and any(_is_strange(character) for character in text):
            yield FieldError(field_name(path), *_BAD_CHARACTERS)
    elif isinstance(node, dict):
        for name, inner in node.items():
            yield from _strange_text(inner, multiline, (*path, name))
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _strange_text(inner, multiline, (*path, index))


def _is_strange(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff"


def _sound(tree: Any) -> str:
    """The tree with lone surrogates replaced, so that its other faults can be listed too."""
    return _SURROGATES.sub("\ufffd", json.dumps(tree, ensure_ascii=False))


def invalid(errors: list[FieldError]) -> Refusal:
    """A refusal that lists bad fields; a single one is named in `field` too."""
    shown = tuple(errors[:MOST_ERRORS])
    return Refusal(Rejected(INVALID, field=shown[0].field if len(shown) == 1 else None, errors=shown))
