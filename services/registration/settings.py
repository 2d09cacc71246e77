"""Settings of registration: those of every service, and the limits of uploaded files."""

from __future__ import annotations

from pydantic import Field

from chassis import settings


class Settings(settings.Settings):
    """Variables of registration, with the prefix PERISAI_."""

    import_max_bytes: int = Field(default=32 * 1024 * 1024, gt=0)
    import_max_rows: int = Field(default=100_000, gt=0)
    import_chunk: int = Field(default=500, gt=0, le=5_000)
    import_lease_s: float = Field(default=10.0, gt=0)
