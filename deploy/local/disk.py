"""A full disk is told before anything starts, not by a database that dies in the middle of a write."""

import shutil
from pathlib import Path

from deploy.local.trouble import Trouble

NEEDED_MIB = 1_024  # Kafka's and PostgreSQL's logs of a day's play and PostgreSQL's own WAL, with room to breathe


def require_space(folder: Path, *, needed_mib: int = NEEDED_MIB) -> None:
    """Raises Trouble if the disk under `folder` has less than `needed_mib` free."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free_mib = shutil.disk_usage(existing).free // 2**20
    if free_mib < needed_mib:
        raise Trouble(
            f"The disk under {folder} has {free_mib} MiB free and the stack needs {needed_mib} MiB; "
            "make room, or set PERISAI_HOME to a folder on another disk."
        )
