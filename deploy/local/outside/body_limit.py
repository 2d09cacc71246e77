"""No request body above a limit reaches the application."""

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class BodyLimit:
    """Answers 413 to an announced length above `limit` bytes and 411 to a body of unannounced length.

    The server underneath reads no more than the announced length, so nothing has to be counted here.
    """

    def __init__(self, app: ASGIApp, limit: int = 4 * 1024 * 1024) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if "transfer-encoding" in headers:
            return _answer(411, "length_required", "send the body with a Content-Length header")
        if int(headers.get("content-length", "0")) > self._limit:
            return _answer(413, "too_large", f"a body may have at most {self._limit} bytes")
        return None


def _answer(status: int, code: str, detail: str) -> JSONResponse:
    return JSONResponse({"code": code, "detail": detail}, status_code=status)
