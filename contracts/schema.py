"""JSON Schemas that stand alone: no references, so a renamed inner class is no change on the wire."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from contracts.envelope import schema_uri
from contracts.event import Event

_PROSE = ("title", "description")


@cache
def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of what a reader of this model accepts, with every `$ref` replaced by what it names. Models must not
    be recursive. The answer is shared, not to be changed."""
    schema = model.model_json_schema(mode="validation")
    definitions = schema.pop("$defs", {})
    found: dict[str, Any] = _inline(schema, definitions)
    return found


def wire_schema(event: type[Event]) -> dict[str, Any]:
    """What goes over the wire for this type and version, without prose: two equal ones are the same contract."""
    schema: dict[str, Any] = _bare(inlined(event))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_uri(event.type, event.version),
        **schema,
    }


def _inline(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(inner, definitions) for inner in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = _inline(definitions[node["$ref"].rpartition("/")[2]], definitions)
        return {**target, **{name: inner for name, inner in node.items() if name != "$ref"}}
    return {name: _inline(inner, definitions) for name, inner in node.items()}


def _bare(node: Any) -> Any:
    """Without titles and descriptions. `properties` holds names of fields, which may well be "title"."""
    if isinstance(node, list):
        return [_bare(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    return {
        name: {field: _bare(inner) for field, inner in value.items()} if name == "properties" else _bare(value)
        for name, value in node.items()
        if name not in _PROSE or isinstance(value, dict)
    }
