"""What a person may type into a form: visible text of one line, without control characters, NUL or half a character."""

from __future__ import annotations

import unicodedata

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, format (zero width, direction of writing: a name could show as another), surrogate, line and paragraph separators."""


class UnreadableText(ValueError):
    """The text holds a character that no form takes. Never quotes the text."""


def one_line(text: str) -> str:
    """The text in Unicode NFC, outer blanks removed. Raises UnreadableText."""
    if text.isascii() and text.isprintable():  # most texts: NFC already, and nothing to look up
        return text.strip()
    if any(unicodedata.category(character) in _UNPRINTABLE for character in text):
        raise UnreadableText("control characters, line breaks and incomplete characters are not allowed")
    return unicodedata.normalize("NFC", text).strip()
