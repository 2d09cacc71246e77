"""FastAPI reads the signature of an endpoint once per process, and not for every application that a test composes.

Every harness composes its service anew, and four fifths of that is FastAPI reading the same signatures: annotations are evaluated, a validator is
made for each parameter. What it finds follows from the code of the endpoint, its annotations and its defaults, so by those it is remembered; the
endpoint itself, which closes over its application, is the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import copy
from functools import cache
from types import FunctionType
from typing import Any

import fastapi.routing
from fastapi.dependencies.models import Dependant

_ROUTING = vars(fastapi.routing)
_read, _returned = _ROUTING["get_dependant"], _ROUTING["get_typed_return_annotation"]
_dependants: dict[Hashable, Dependant] = {}
_returns: dict[Hashable, Any] = {}


def remember() -> None:
    """From now on, in this process."""
    _ROUTING["get_dependant"], _ROUTING["get_typed_return_annotation"] = _dependant, _return
    _ROUTING["create_model_field"] = cache(_ROUTING["create_model_field"])


def _dependant(*, path: str, call: Callable[..., Any], scope: Any) -> Dependant:
    if not isinstance(call, FunctionType):
        return _read(path=path, call=call, scope=scope)  # type: ignore[no-any-return]
    key = (path, scope, _of(call))
    if key not in _dependants:
        _dependants[key] = _read(path=path, call=call, scope=scope)
    found = copy(_dependants[key])
    found.call, found.dependencies = call, [*found.dependencies]  # a route may put its own before them
    return found


def _return(call: Callable[..., Any]) -> Any:
    if not isinstance(call, FunctionType):
        return _returned(call)
    if (key := _of(call)) not in _returns:
        _returns[key] = _returned(call)
    return _returns[key]


def _of(call: FunctionType) -> Hashable:
    """What its signature follows from."""
    annotations, named = tuple(call.__annotations__.items()), tuple((call.__kwdefaults__ or {}).items())
    return call.__module__, call.__code__, annotations, call.__defaults__, named
