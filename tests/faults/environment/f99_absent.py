"""Cells of the matrix that cannot be played yet: their service is not built, or the fault cannot be made here. Listed and counted, never hidden."""

from __future__ import annotations

from functools import partial

from tests.faults.cells import Injected, NotHere, cell
from tests.faults.ground import Ground

NOT_BUILT = {
    "claims": ("F1", "F8", "F11", "F12", "F13", "F14", "F22"),
    "portal": ("F1", "F11", "F12", "F13", "F14", "F22"),
}
"""Service → the faults that it has a cell in."""
WITHOUT_AUDIT = "audit joins for its crash points and T16 alone so far (decision 260)"
CLOCKS = ("minus-1d", "minus-1h", "plus-1h", "plus-1d")


async def absent(ground: Ground, why: str) -> Injected:
    raise NotHere(why)


def enter(id_: str, service: str, why: str) -> None:
    """Enters an absent cell."""
    fault = id_.split(".")[1]
    entering = cell(id_, fault=fault, service=service, process="", action="absent", tiers=("long",), registrations=0)
    entering(partial(absent, why=why))


for _service, _faults in NOT_BUILT.items():
    for _fault in _faults:
        enter(f"env.{_fault}.{_service}", _service, f"{_service} is not built yet")
for _fault in ("F1", "F11", "F12", "F13", "F14", "F16", "F17.offsets", "F17.records"):
    enter(f"env.{_fault}.audit", "audit", WITHOUT_AUDIT)
enter("env.F22.archive-down", "audit", WITHOUT_AUDIT)
enter("env.F9.checkpoint-export", "audit", WITHOUT_AUDIT)
for _clock in CLOCKS:
    enter(f"env.F10.audit.{_clock}", "audit", WITHOUT_AUDIT)
