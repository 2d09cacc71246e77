"""Words of people that go into an event: a topic keeps them for ever, in clear, so they name nobody."""

from __future__ import annotations

import re

from chassis.http.faults import field_fault

_DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./][0-3]?\d|[0-3]?\d[-./](?:0?[1-9]|1[0-2])[-./](?:19|20)\d\d)(?![-./]?\d)"
)
_LONG_NUMBER = re.compile(r"\d(?:[ .-]?\d){9,}")


def names_nobody(text: str) -> str:
    """For a validator of a request model: the text. A NIK, a phone or an account number has ten digits or more, dates aside: raises
    `long_number` for it.
    """
    if _LONG_NUMBER.search(_DATE.sub("/", text)):
        raise field_fault(
            "long_number",
            id="Jangan tulis NIK, nomor telepon atau rekening; sebut nomor baris, berkas atau suratnya saja.",
            en="Do not write a NIK, phone or account number; name the line, file or letter instead.",
        )
    return text
