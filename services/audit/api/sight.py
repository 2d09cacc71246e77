"""Who may ask audit: auditors, over all branches (domain.md section 2 gives them no scope), and nobody else, but for a person's copy (export.py)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from chassis.http import Principal, allow
from chassis.http.bodies import invalid
from chassis.problems import FieldError

Auditor = Annotated[Principal, Depends(allow("auditor"))]
Limit = Annotated[int, Query(ge=1, le=200)]
Word = Annotated[str, Query(min_length=1, max_length=255)]


def must_be_a_pair(stream: str | None, key: str | None) -> None:
    """Raises Refusal: a key is one of its stream."""
    if (stream is None) != (key is None):
        lacking = "key" if key is None else "stream"
        told = ("Sebutkan stream dan key bersama-sama.", "Name stream and key together.")
        raise invalid([FieldError(f"query.{lacking}", "missing", *told)])
