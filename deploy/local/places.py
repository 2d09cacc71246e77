"""Where things are kept: one ignored folder of the project, or the one in PERISAI_HOME."""

import os
import shutil
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def home() -> Path:
    """The state folder of this checkout."""
    return Path(os.environ.get("PERISAI_HOME") or PROJECT / ".perisai").absolute()


def cache() -> Path:
    """Downloads, kept by `make clean`; shared by every stack of this checkout."""
    return Path(os.environ.get("PERISAI_CACHE") or PROJECT / ".perisai" / "cache").absolute()


def remove(folder: Path) -> None:
    """Deletes a state folder, with the data that had to be put elsewhere for it."""
    for note in folder.rglob("elsewhere"):
        shutil.rmtree(note.read_text().strip(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
