"""Rupiah as SNAP writes them: `{"value": "36800.00", "currency": "IDR"}`, whole rupiah only."""

import re
from typing import Any

_VALUE = re.compile(r"([0-9]{1,16})(?:\.0{1,2})?", re.ASCII)


def write_amount(rupiah: int) -> dict[str, str]:
    """Always with two decimals."""
    return {"value": f"{rupiah}.00", "currency": "IDR"}


def read_amount(value: Any) -> int | None:
    """Whole rupiah, or None when this is not such an amount (other currency, sen, not a decimal string)."""
    if not isinstance(value, dict) or value.get("currency") != "IDR" or not isinstance(value.get("value"), str):
        return None
    match = _VALUE.fullmatch(value["value"])
    return int(match[1]) if match else None
