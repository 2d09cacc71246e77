"""The rows of one file of a cold month, some at a time, whatever was done to the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from services.audit.cold.columns import TYPES, payload_of, row_of, selected
from services.audit.domain.manifests import Part
from services.audit.domain.verifying import Finding, Kind, Row, Stray
from services.audit.verification import parts

_NAMES = tuple(TYPES)
_STEP = 2_048
"""Rows in memory at a time; a multiple of 256."""
_MOST_STRAYS = 1_000
_STRAYS = (
    f"SELECT {selected()} FROM read_parquet(?) WHERE place IS NULL OR place < ? OR place >= ? LIMIT {_MOST_STRAYS + 1}"
)
_COUNT = "SELECT count(*) FROM read_parquet(?)"
_BETWEEN = f"SELECT {selected()} FROM read_parquet(?) WHERE place >= ? AND place < ? ORDER BY place"


class FileRows:
    """`readable`: false as soon as the file shows that it cannot be read, or holds other leaves. `findings`, `strays` grow with the reading."""

    def __init__(self, conn: duckdb.DuckDBPyConnection, file: Path, part: Part) -> None:
        self._conn, self._file, self._part = conn, str(file), part
        self._held: dict[int, dict[str, Any]] = {}
        self._upto = part.start
        self.findings: list[Finding] = []
        self.strays: list[Stray] = []
        self.readable = file.is_file() and self._is_readable()

    def of(self, start: int, end: int) -> Mapping[int, dict[str, Any]]:
        """By place, those of at most 256 leaves that follow on the last ones asked for; nothing where the file is not readable."""
        while self.readable and self._upto < end:
            self._load()
        return {place: self._held[place] for place in range(start, end) if place in self._held} if self.readable else {}

    def _is_readable(self) -> bool:
        part = self._part
        try:
            strays = self._conn.execute(_STRAYS, [self._file, part.start, part.end]).fetchall()
            ((count,),) = self._conn.execute(_COUNT, [self._file]).fetchall()
        except duckdb.Error as error:
            self._tell(part.start, f"{part.name} cannot be read / tidak dapat dibaca ({type(error).__name__})")
            return False
        if len(strays) > _MOST_STRAYS or 0 < len(strays) == count:
            text = f"{part.name} holds other leaves than {part.start} to {part.end - 1} / memuat daun lain"
            self._tell(part.start, text)
            return False
        for row in (row_of(_NAMES, values) for values in strays):
            place = -1 if row["place"] is None else row["place"]
            self.strays.append(Stray(place, judged_row(row).hash, str(row["event_id"])))
        return True

    def _load(self) -> None:
        start, self._upto = self._upto, min(self._upto - self._upto % _STEP + _STEP, self._part.end)
        self._held = {}
        try:
            found = self._conn.execute(_BETWEEN, [self._file, start, self._upto]).fetchall()
        except duckdb.Error as error:
            text = f"{self._part.name} cannot be read from leaf {start} on / tidak dapat dibaca mulai daun itu"
            self._tell(start, f"{text} ({type(error).__name__})")
            self.readable = False
            return
        for row in (row_of(_NAMES, values) for values in found):
            place = row["place"]
            if place in self._held:
                twice = Finding(
                    Kind.INSERTED,
                    place,
                    str(row["event_id"]),
                    "a second row of this place / baris kedua untuk tempat ini",
                )
                self.findings.append(twice)
            self._held.setdefault(place, row)

    def _tell(self, place: int, text: str) -> None:
        self.findings.append(Finding(Kind.FILE, place, None, text))


def judged_row(row: Mapping[str, Any]) -> Row:
    """As a row of `archive`, with the columns that only a file has."""
    found = parts.row_of(row, None)
    leaf = bytes(row["leaf"] or b"")
    more = [] if bytes(row["leaf_hash"] or b"") == found.hash else ["leaf_hash"]
    more += [] if row["payload"] == payload_of(leaf) else ["payload"]
    return found._replace(misfiled=(*found.misfiled, *more))
