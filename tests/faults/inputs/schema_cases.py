"""Requests of one operation: drawn from its schema, drawn against it, and its working example with one value made odd.

The schema reaches every door; the example reaches the rules behind it, where dates overflow and numbers leave their columns.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given
from hypothesis import seed as hypothesis_seed
from hypothesis import settings as hypothesis_settings
from schemathesis import Case, GenerationMode

from tests.faults.threats.examples import examples
from tests.faults.threats.tenants import Tenant

Place = tuple[str | int, ...]
ODD: Sequence[Any] = (
    *(
        "",
        " ",
        "\x00",
        "a\x00b",
        "\ud800",
        "\u202e\u0663\u0663",
        "=1+1",
        "0",
        "-1",
        "1e400",
        "NaN",
        "null",
        "x" * 300,
        "9" * 400,
    ),
    *("0001-01-01", "9999-12-31", "2025-02-30", "9999-12", "0001-01", "2025-13", "0000-00-00"),
    *("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2025-10-06", "2025-10-06T00:00:00"),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "../..", "%00", "a/b"),
    *(None, True, False, 0, -1, 1, 1.5, 2**31, 2**63, -(2**63) - 1, 10**30, [], {}, [None], {"a": {}}, [[]] * 40),
)
"""What a careless or hostile caller puts where another value belongs."""


def drawn(schema: Any, operation: str, number: int, seed: int) -> list[dict[str, Any]]:
    """About so many requests: half as the schema says, half against it."""
    method, _, path = operation.partition(" ")
    found: list[dict[str, Any]] = []
    for mode, wanted in ((GenerationMode.POSITIVE, -(-number // 2)), (GenerationMode.NEGATIVE, number // 2)):

        @hypothesis_seed(seed)
        @hypothesis_settings(
            max_examples=max(1, wanted), database=None, deadline=None, suppress_health_check=[*HealthCheck]
        )
        @given(case=schema[path][method].as_strategy(generation_mode=mode))
        def draw(case: Case[Any]) -> None:
            found.append(_sendable(case))

        try:
            draw()
        except Exception as error:  # an operation without input has nothing to be wrong about
            if mode is GenerationMode.POSITIVE:
                raise error from None
    return found[:number]


def _sendable(case: Case[Any]) -> dict[str, Any]:
    given_ = case.as_transport_kwargs(base_url="http://service")
    kept = ("method", "url", "params", "json", "data", "headers")
    made = {name: given_[name] for name in kept if given_.get(name) is not None}
    if isinstance(made.get("data"), bytes | str):
        made["content"] = made.pop("data")
    made["headers"] = dict(made.get("headers", {}))
    return made


def of_what_exists(
    request: Mapping[str, Any], service: str, operation: str, role: str, tenant: Tenant
) -> dict[str, Any]:
    """The request with the path of a working example, which names things of this tenant."""
    (example, *_) = examples(service, operation, role)
    return {**request, "url": example.request(operation, tenant.values)["url"]}


def spoilt(service: str, operation: str, role: str, tenant: Tenant, dice: random.Random) -> dict[str, Any]:
    """The working example of an operation as this role sends it, with one of its values made odd, or one member too many."""
    example = dice.choice(examples(service, operation, role))
    request = example.request(operation, tenant.values)
    parts = [part for part in ("json", "params") if request.get(part)]
    if example.path and (not parts or dice.random() < 0.2):
        return {**request, "url": _odd_path(operation, request["url"], dice)}
    if parts:
        part = dice.choice(parts)
        request[part] = odd_somewhere(request[part], dice)
    return request


def odd_somewhere(body: Any, dice: random.Random) -> Any:
    """A copy with one value replaced, one member left out or one added."""
    place = dice.choice([*_places(body)])
    return _replaced(body, place, dice.choice(ODD), leave_out=dice.random() < 0.1)


def _places(node: Any, at: Place = ()) -> Iterator[Place]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in inner:
        yield (*at, name)
        yield from _places(value, (*at, name))
    if isinstance(node, dict):
        yield (*at, "something_else")


def _replaced(node: Any, place: Place, value: Any, *, leave_out: bool) -> Any:
    (here, *deeper), copy = place, node.copy()
    if deeper:
        copy[here] = _replaced(node[here], tuple(deeper), value, leave_out=leave_out)
    elif leave_out and isinstance(copy, dict):
        copy.pop(here, None)
    else:
        copy[here] = value
    return copy


def _odd_path(operation: str, url: str, dice: random.Random) -> str:
    template = operation.partition(" ")[2].split("/")
    named = [place for place, part in enumerate(template) if "{" in part]
    parts, place = url.split("/"), dice.choice(named)
    parts[place] = quote(str(dice.choice(ODD)).encode("utf-8", "replace"), safe="")
    return "/".join(parts)
