"""Folders for stacks."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import places


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's own are not; removed with the data that was put elsewhere for it."""
    folder = Path(tempfile.mkdtemp(prefix="perisai-open-"))
    folder.chmod(0o755)
    yield folder
    places.remove(folder)
