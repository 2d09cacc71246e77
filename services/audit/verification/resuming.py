"""What was judged is written down range by range, so that a verification that was broken off goes on where it was.

The file belongs to whoever verifies: a range that it holds is not looked at again, whatever was done to it since.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from services.audit.domain.verifying import Part
from services.audit.verification.parts import Judge, Proven
from services.audit.verification.written import mark_of, part_as_text, part_of

FIRST_LINE = "perisai audit verify v1"


class OtherFile(Exception):
    """The file holds something else; it is left as it is."""


class Resumable:
    """Judges through another judge and remembers. `finished` takes the file away; without it the next one goes on from it."""

    def __init__(self, file: Path, log: str, by: Judge) -> None:
        """Raises OtherFile, OSError."""
        self._file, self._log, self._by = file, log, by
        self._known, whole = _read(file)
        self._out = file.open("ab")
        self._out.truncate(whole)
        if not whole:
            self._write(FIRST_LINE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._out.close()

    @property
    def ranges(self) -> int:
        """How many are judged."""
        return len(self._known)

    async def judge(self, tiles: Sequence[Proven]) -> Part:
        """What the file says of this range; else what the judge does, which then stands in the file."""
        mark = mark_of(self._log, tiles)
        if mark not in self._known:
            self._known[mark] = await self._by(tiles)
            self._write(f"{mark} {part_as_text(self._known[mark])}")
        return self._known[mark]

    def finished(self) -> None:
        """The verification came to its end: the next one begins anew."""
        self._file.unlink(missing_ok=True)

    def _write(self, line: str) -> None:
        self._out.write(f"{line}\n".encode())
        self._out.flush()


def _read(file: Path) -> tuple[dict[str, Part], int]:
    """What the file holds, and up to which byte: a last line that was cut off is none."""
    raw = file.read_bytes() if file.exists() else b""
    whole = raw.rfind(b"\n") + 1
    first, *lines = raw[:whole].decode(errors="replace").splitlines() or [""]
    if raw and first != FIRST_LINE:
        raise OtherFile(f"{file} is not the file of a verification / bukan berkas verifikasi")
    try:
        return {line[:64]: part_of(line[65:]) for line in lines}, whole
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OtherFile(
            f"{file} is not the file of a verification any more: begin with another one / berkas verifikasi ini rusak: pakai yang lain"
        ) from None
