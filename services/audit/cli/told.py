"""How a verification is told: findings as lines, a bar while it runs, and the checkpoints that somebody kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.audit.cli.opened import refuse
from services.audit.domain.verifying import Finding, Kind
from services.audit.publishing import notes_in

Tell = Callable[[int, int], None]
"""Done, and of how many."""
SAID = {
    Kind.ALTERED: "altered / diubah",
    Kind.DELETED: "deleted / dihapus",
    Kind.INSERTED: "inserted / disisipkan",
    Kind.MOVED: "moved / dipindahkan",
    Kind.MISFILED: "misfiled / salah catat",
    Kind.TILE: "tree changed / pohon diubah",
    Kind.UNPROVABLE: "not provable / tidak dapat dibuktikan",
    Kind.CHECKPOINT: "checkpoint / titik periksa",
    Kind.FILE: "cold file / berkas bulan dingin",
}


@contextlib.contextmanager
def progress(what: str) -> Iterator[Tell]:
    """A bar on a terminal, nothing elsewhere."""
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def notes_of(path: Path) -> list[str]:
    """Checkpoints in a file or a folder."""
    try:
        return [*notes_in(path).values()] if path.is_dir() else [path.read_text(encoding="utf-8")]
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"--kept: {path} cannot be read / tidak dapat dibaca ({type(error).__name__})")


def finding_line(finding: Finding) -> str:
    """One line."""
    who = f", event {finding.event_id}" if finding.event_id else ""
    return f"place {finding.place}{who}: {SAID[finding.kind]}: {finding.detail}"
