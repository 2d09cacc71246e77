"""Errors of an outside party's HTTP interface: `{"code", "detail"}`, and never the value that was sent."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError


class Problem(Exception):
    """A refusal of a request: `code` is stable, `detail` says what to do."""

    def __init__(self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers


def answer_problems(app: FastAPI) -> None:
    """Makes the app answer refusals and unreadable bodies in the one form above."""

    async def on_problem(_request: Request, problem: Exception) -> JSONResponse:
        assert isinstance(problem, Problem)
        body = {"code": problem.code, "detail": problem.detail}
        return JSONResponse(body, status_code=problem.status, headers=problem.headers)

    async def on_invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError | ValidationError)
        return _invalid(error.errors())

    async def on_unwritable(_request: Request, _error: Exception) -> JSONResponse:
        body = {"code": "invalid", "detail": "the text holds half of a character (a lone surrogate); send whole ones"}
        return JSONResponse(body, status_code=422)

    app.add_exception_handler(Problem, on_problem)
    # JSON may spell half of a character (RFC 8259 section 8.2), which no file, key or token can hold
    app.add_exception_handler(UnicodeEncodeError, on_unwritable)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(ValidationError, on_invalid)


def _invalid(errors: Sequence[Any]) -> JSONResponse:
    if any(error["type"] == "json_invalid" for error in errors):
        return JSONResponse({"code": "malformed", "detail": "the body is not JSON"}, status_code=400)
    fields = [{"field": _name(error["loc"]), "message": error["msg"]} for error in errors]
    detail = f"correct the fields named: {', '.join(field['field'] for field in fields)}"
    return JSONResponse({"code": "invalid", "detail": detail, "errors": fields}, status_code=422)


def _name(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location if part != "body") or "body"
