"""Exceptions in a log line: where it broke and which classes, not what a driver or validator quotes of the data.
 Messages of foreign exceptions are left out: a database names the value that collided, a validator its input. Our own
say things and ids only."""

from __future__ import annotations

import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final

_OURS: Final = ("chassis.", "contracts.", "services.", "deploy.")
_FRAMES: Final = 12


def describe_failure(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: turns `exc_info` into `failure`, a chain of classes, and `at`, the innermost frames."""
    info = event.pop("exc_info", None)
    if not info:
        return event
    error = _exception(info)
    if error is not None:
        event["failure"] = " <- ".join(_chain(error))
        event["at"] = _frames(error)
    return event


def _exception(info: object) -> BaseException | None:
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple):
        return info[1] if isinstance(info[1], BaseException) else None
    return sys.exc_info()[1]


def _chain(error: BaseException) -> list[str]:
    names: list[str] = []
    link: BaseException | None = error
    while link is not None and len(names) < 6:
        kind = type(link)
        told = isinstance(link, OSError) or kind.__module__.startswith(_OURS)
        names.append(f"{kind.__name__}: {link}" if told and str(link) else kind.__name__)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return names


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
