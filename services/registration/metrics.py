"""Metrics and log events of registration alone; those of every service are in chassis.telemetry."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

FORMS: Final = Counter(
    "perisai_registration_forms", "Registration forms judged, by door and outcome.", ["entry", "outcome"]
)
"""Outcome: `accepted`, `repeated` or the code of the refusal. A refusal that grows suddenly is a bad file or somebody
guessing.
"""

CLOSED_NIK_PRESENTED: Final = "closed_nik_presented"
"""WARNING: somebody used the NIK of a person whose death is recorded; the branch looks at it."""
IMPORT_DONE: Final = "import_done"
IMPORT_REFUSED: Final = "import_refused"
"""ERROR: a stored file turned out to be unusable as a whole; the uploader uploads it again."""
IMPORT_LEASE_LOST: Final = "import_lease_lost"
"""WARNING: another worker goes on with the import, or this one takes it up again at once."""
