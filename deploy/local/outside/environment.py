"""Settings from environment variables; a wrong or missing one ends in one sentence that names it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


class SettingError(Exception):
    """A setting is missing or wrong; the text is one sentence for the person who starts the process."""


@dataclass(frozen=True)
class Environment:
    """The variables of one process. Every reader raises `SettingError` naming the variable and what it should hold.

    An empty value counts as absent: supervisors often pass variables through without a value.
    """

    values: Mapping[str, str]

    def optional(self, name: str) -> str | None:
        """The trimmed text, or None when absent."""
        return self.values.get(name, "").strip() or None

    def text(self, name: str, default: str | None = None, *, meaning: str = "") -> str:
        """The text, or the default; without a default the variable is mandatory and `meaning` says what it holds."""
        found = self.optional(name) or default
        if found is None:
            raise SettingError(f"{name} is not set: it must hold {meaning or 'a text'}")
        return found

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        text = self.text(name, str(default))
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise SettingError(f"{name} is {text!r}: it must be a whole number from {low} to {high}")
        return int(text)

    def seconds(self, name: str, default: float, *, low: float = 0.0, high: float = 86_400.0) -> float:
        """A duration in seconds, fractions allowed."""
        text = self.text(name, str(default))
        try:
            found = float(text)
        except ValueError:
            found = float("nan")
        if not low <= found <= high:  # also refuses NaN, which compares false
            raise SettingError(f"{name} is {text!r}: it must be a number of seconds from {low:g} to {high:g}")
        return found

    def url(self, name: str, default: str | None = None, *, meaning: str = "an http address") -> str:
        """An http or https address without a trailing slash."""
        text = self.text(name, default, meaning=meaning)
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise SettingError(f"{name} is {text!r}: it must be an address such as http://127.0.0.1:8080/path")
        return text.rstrip("/")

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        """One of the named words."""
        text = self.text(name, default)
        if text not in choices:
            raise SettingError(f"{name} is {text!r}: it must be one of {', '.join(choices)}")
        return text

    def folder(self, name: str) -> Path:
        """A folder to write in, made when absent and readable by its owner alone."""
        path = Path(self.text(name, meaning="the folder this process keeps its data in"))
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingError(f"{name} is {str(path)!r}: cannot make that folder ({error.strerror})") from error
        return path
