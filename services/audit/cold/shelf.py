"""The folder of cold months, one folder each: which there are, and events out of their files.

Nothing here proves anything: `services.audit.cold.judging` does.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from contracts.values import ContributionMonth
from services.audit.cold.columns import FINDING, OF_ARCHIVE, row_of, selected
from services.audit.cold.engine import opened
from services.audit.domain.manifests import FILE_NAME, BadManifest, Manifest
from services.audit.queries.search import Clock, Order, Wanted

Row = dict[str, Any]
COLD = "cold"
"""The folder of cold months beside the checkpoints, where none is named."""


@dataclass(frozen=True, slots=True)
class Cold:
    """One month where it lies."""

    folder: Path

    @property
    def month(self) -> str:
        return self.folder.name

    def manifest(self) -> Manifest:
        """Raises BadManifest, OSError."""
        file = self.folder / FILE_NAME
        try:
            stat = file.stat()
            return _read(file, stat.st_mtime_ns, stat.st_size)
        except UnicodeDecodeError:
            raise BadManifest("it is no text / bukan teks") from None


@lru_cache(maxsize=256)
def _read(file: Path, changed_ns: int, size: int) -> Manifest:
    return Manifest.parse(file.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Shelf:
    """All months in a folder, which need not be there."""

    folder: Path

    def months(self) -> list[Cold]:
        """In their order; what has another name than a month is none."""
        found = [*self.folder.iterdir()] if self.folder.is_dir() else []
        return sorted((Cold(path) for path in found if _is_month(path)), key=lambda cold: cold.month)

    def leaves(self, places: Sequence[int]) -> dict[int, bytes]:
        """Place → leaf, of those of these places that a file has: what is missing or cannot be read is left out."""
        found: dict[int, bytes | None] = {}
        with contextlib.closing(opened()) as conn:
            for file, wanted in self._files(places):
                with contextlib.suppress(duckdb.Error):
                    asked = f"SELECT place, leaf FROM read_parquet(?) WHERE place IN ({', '.join(map(str, wanted))})"
                    found |= dict(conn.execute(asked, [str(file)]).fetchall())
        return {place: bytes(leaf) for place, leaf in found.items() if leaf is not None}

    def covered(self, start: int, end: int) -> set[int]:
        """Those places from `start` up to, not including, `end` that a month holds by its manifest."""
        spans = (range(max(start, one.start), min(end, one.end)) for _, one in self._manifests())
        return {place for span in spans for place in span}

    def found(self, wanted: Wanted, limit: int) -> list[Row]:
        """Events in the order asked for, as rows of `archive`; at most `limit`. Raises duckdb.Error when a file cannot be read."""
        files = [str(cold.folder / part.name) for cold, manifest in self._manifests() for part in manifest.parts]
        if not files:
            return []
        with contextlib.closing(opened()) as conn:
            page = [row_of(FINDING, values) for values in conn.execute(*_asked(files, wanted, limit)).fetchall()]
        leaves = self.leaves([row["place"] for row in page])
        return [row | {"leaf": leaves.get(row["place"])} for row in page]

    def _files(self, places: Sequence[int]) -> Iterator[tuple[Path, list[int]]]:
        parts = sorted(
            (
                (part.start, part.end, cold.folder / part.name)
                for cold, manifest in self._manifests()
                for part in manifest.parts
            )
        )
        starts = [start for start, _, _ in parts]
        wanted: dict[Path, list[int]] = {}
        for place in sorted(places):
            at = bisect_right(starts, place) - 1
            if at >= 0 and place < parts[at][1]:
                wanted.setdefault(parts[at][2], []).append(place)
        yield from wanted.items()

    def _manifests(self) -> Iterator[tuple[Cold, Manifest]]:
        """Those that can be read."""
        for cold in self.months():
            with contextlib.suppress(BadManifest, OSError):
                yield cold, cold.manifest()


def _is_month(path: Path) -> bool:
    try:
        ContributionMonth.parse(path.name)
    except ValueError:
        return False
    return path.is_dir()


def _asked(files: Sequence[str], wanted: Wanted, limit: int) -> tuple[str, Mapping[str, object]]:
    """The statement of one page, and its values: `services.audit.queries.search` in the words of DuckDB."""
    clock = "recorded_at" if wanted.clock is Clock.RECORDED else "occurred_at"
    newest = wanted.order is Order.NEWEST
    values: dict[str, object] = {"files": [*files], "limit": limit}
    where = ["true"]
    for name, value in wanted.equal.items():
        assert name in OF_ARCHIVE
        where.append(f"{name} = ${name}")
        values[name] = str(value)
    for name, moment, sign in (("since", wanted.since, ">="), ("until", wanted.until, "<")):
        if moment is not None:
            where.append(f"{clock} {sign} CAST(${name} AS TIMESTAMPTZ)")
            values[name] = moment.isoformat()
    if wanted.after is not None:
        last = "(SELECT recorded_at FROM read_parquet($files) WHERE place = $after)"
        where.append(f"(recorded_at, place) {'<' if newest else '>'} ({last}, $after)")
        values["after"] = wanted.after
    turn = "recorded_at DESC, place DESC" if newest else "recorded_at, place"
    text = (
        f"SELECT {selected(FINDING)} FROM (SELECT * FROM read_parquet($files) WHERE {' AND '.join(where)}"
        f" ORDER BY {turn} LIMIT $limit) ORDER BY {turn}"
    )
    return text, values
