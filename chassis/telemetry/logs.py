"""Structured logs: one line per request or batch, on standard output (of a command: standard error), for people (`console`) or machines (`json`).
 Context (service, correlation id) is bound per request and per batch through contextvars, never globally. Lines of
other libraries go the same way, so they are redacted too."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final, Literal

import structlog
from pydantic_core import to_json

from chassis.telemetry.failures import describe_failure
from chassis.telemetry.redaction import redact

LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogStream = Literal["stdout", "stderr"]

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
"""The logger of everything: `log.info("batch_applied", items=3)`. Event names are words from code; values are ids,
counts and codes."""

_context: ContextVar[Mapping[str, object]] = ContextVar("log_context", default=MappingProxyType({}))

_QUIET: Final = (
    "aiokafka",
    "kafka",
    "faststream",
    "sqlalchemy",
    "httpx",
    "httpcore",
    "uvicorn.access",
    "alembic",
    "asyncio",
)


def configure_logs(
    service: str, form: LogFormat = "console", level: LogLevel = "info", *, stream: LogStream = "stdout"
) -> None:
    """Sets up logging of this process; call once, before anything logs. A command logs to `stderr`: its standard output is its answer."""
    output = _Output(stream)
    shared: list[Any] = [
        _merge_context,
        describe_failure,
        redact,  # before what we add ourselves: level, time and name hold nothing personal
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _service(service),
    ]
    last: Any = (
        structlog.processors.JSONRenderer(serializer=_json)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=24, sort_keys=False)
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=True,
    )
    _adopt_others(shared, last, level, output)


@contextmanager
def bind(**context: object) -> Iterator[None]:
    """`with bind(correlation_id=…):` adds to every line inside."""
    token = _context.set({**_context.get(), **context})
    try:
        yield
    finally:
        _context.reset(token)


class _Output:
    """Writes to whatever standard output or error is now, a line in one piece."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        out = getattr(sys, self._stream)
        out.write(line + "\n")
        out.flush()

    debug = info = warning = warn = error = critical = fatal = exception = log = msg


class _Lines(logging.Handler):
    """Lines of other libraries, to the same place."""

    def __init__(self, output: _Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.msg(self.format(record))


class Sparing(logging.Filter):
    """Clients of a broker that is away say so a hundred times a second; each of their sentences is let through once in a while."""

    EVERY_S: Final = 10.0
    _CHATTY: Final = ("aiokafka", "kafka")

    def __init__(self) -> None:
        super().__init__()
        self._next: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(self._CHATTY):
            return True
        sentence = (record.name, str(record.msg)[:60])
        now = time.monotonic()
        if now < self._next.get(sentence, 0.0):
            return False
        if len(self._next) > 1_000:
            self._next.clear()
        self._next[sentence] = now + self.EVERY_S
        return True


def _merge_context(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in _context.get().items():
        event.setdefault(name, value)
    return event


def _json(event: Mapping[str, object], **_: object) -> str:
    """A line per request is written: the standard library's encoder takes ten times as long."""
    return to_json(event, fallback=repr).decode()


def _service(name: str) -> Any:
    def add(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["service"] = name
        return event

    return add


def _adopt_others(shared: list[Any], last: Any, level: LogLevel, output: _Output) -> None:
    handler = _Lines(output)
    handler.addFilter(Sparing())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=()), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
            keep_exc_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
