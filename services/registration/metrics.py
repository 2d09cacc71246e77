"""Metrics and log events of registration alone; those of every service are in chassis.telemetry."""

from __future__ import annotations

from typing import Final

CLOSED_NIK_PRESENTED: Final = "closed_nik_presented"
"""WARNING: somebody used the NIK of a person whose death is recorded; the branch looks at it."""
IMPORT_DONE: Final = "import_done"
IMPORT_REFUSED: Final = "import_refused"
"""ERROR: a stored file turned out to be unusable as a whole; the uploader uploads it again."""
IMPORT_LEASE_LOST: Final = "import_lease_lost"
"""WARNING: another worker goes on with the import, or this one takes it up again at once."""
