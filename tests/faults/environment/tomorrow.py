"""The build of tomorrow: this tree, in which one event has a second version. It writes the new one and reads both, by an upcaster.

Made by lines that are added at the end of two files of a copy, and not by a patch: whatever those files say today, they go on saying it.
"""

from __future__ import annotations

from pathlib import Path

from tests.faults.broken import copies

EVENT = {"registration": ("participants", "ParticipantRegistered"), "payments": ("contributions", "ContributionPaid")}
"""Writer → its module of contracts, and the event that everybody else reads."""

_CONTRACT = '''

class _Tomorrow({event}, stream={event}.stream, type="{event}", version=2):
    """Says in addition who told us."""

    told_by: ShortText = "door"


EVENTS = (*EVENTS, _Tomorrow)
{event} = _Tomorrow
'''
_CATALOGUE = """
CATALOGUE.upcast("{event}", 1, lambda told: {{**told, "told_by": "unknown"}})
"""


def build(folder: Path, writer: str) -> Path:
    """Makes it there. Gives its tree."""
    copies.copy_to(folder)
    module, event = EVENT[writer]
    contracts = folder / "contracts" / "events"
    _add(contracts / f"{module}.py", _CONTRACT.format(event=event))
    _add(contracts / "__init__.py", _CATALOGUE.format(event=event))
    copies.assert_own_packages(folder)
    return folder


def _add(file: Path, text: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
