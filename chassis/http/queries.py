"""Query parameters: as a body, a query may say nothing that the door does not declare. A filter that is misspelt would give everything."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant

from chassis.http.bodies import invalid
from chassis.http.faults import field_errors


def refuse_undeclared(request: Request) -> None:
    """Raises Refusal `invalid`, which names every parameter that the matched route does not declare."""
    if not request.scope["query_string"]:
        return
    declared = set(_declared(request.scope["route"].dependant))
    strange = [name for name in request.query_params if name not in declared]
    if strange:
        raise invalid(field_errors([{"type": "extra_forbidden", "loc": ("query", name)} for name in strange]))


def _declared(needs: Dependant) -> Iterator[str]:
    yield from (one.alias for one in needs.query_params)
    for inner in needs.dependencies:
        yield from _declared(inner)
