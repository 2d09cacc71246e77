"""Problem details on the wire, and their description in OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import JSONResponse

from chassis.problems import ProblemType, Rejected, render

PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1
_RETRY: Final = {"Retry-After": str(RETRY_AFTER_S)}
_HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    408: {"Connection": "close"},
    413: {"Connection": "close"},
    429: _RETRY,
    503: _RETRY,
}

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457. `detail` is Indonesian; `messages` has both languages; `errors` lists every bad field.",
    "required": ["type", "title", "status", "code", "detail", "messages"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; programs decide by it."},
        "detail": {"type": "string"},
        "messages": {"$ref": "#/components/schemas/Messages"},
        "field": {"type": "string"},
        "rules": {"type": "string", "description": "The dated rule set that decided."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "messages"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "messages": {"$ref": "#/components/schemas/Messages"},
                },
            },
        },
    },
}
MESSAGES_SCHEMA: Final[dict[str, Any]] = {
    "title": "Messages",
    "type": "object",
    "required": ["id", "en"],
    "properties": {"id": {"type": "string"}, "en": {"type": "string"}},
}


def problem_response(rejected: Rejected, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The refusal as an HTTP answer, with the headers its status calls for."""
    status = rejected.problem.status
    return JSONResponse(
        render(rejected), status, {**_HEADERS.get(status, {}), **(headers or {})}, media_type=PROBLEM_JSON
    )


def problems(*types: ProblemType) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may refuse so: one entry per status, its codes as examples."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem in types:
        entry = responses.setdefault(problem.status, _entry())
        entry["description"] = " · ".join(filter(None, [entry["description"], problem.code]))
        example = {"code": problem.code, "status": problem.status, "messages": {"id": problem.id, "en": problem.en}}
        entry["content"][PROBLEM_JSON]["examples"][problem.code] = {"value": example}
    return responses


def _entry() -> dict[str, Any]:
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}}
    return {"description": "", "content": content}
