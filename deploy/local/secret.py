"""Secrets are made at the first start, one file each with mode 0600, and stay the same ever after: data sealed under one needs it."""

import base64
import os
from collections.abc import Callable
from pathlib import Path


class Secrets:
    """The secrets of one state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def key(self, name: str, *, size: int) -> str:
        """Base64 of `size` random bytes."""
        return self._once(name, lambda: base64.b64encode(os.urandom(size)).decode())

    def token(self, name: str) -> str:
        """A bearer token or password: 32 random bytes in letters that need no quoting."""
        return self._once(name, lambda: os.urandom(32).hex())

    def _once(self, name: str, make: Callable[[], str]) -> str:
        path = self._folder / name
        if not path.exists():
            write_private(path, make())
        return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, as a whole; its folder is made when absent."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(new, path)
