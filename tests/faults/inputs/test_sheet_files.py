"""Bad input in files, as a whole: what is no table of ours is refused before its first row; what is one is read as it was meant."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import pytest

from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd, refused, unlike
from tests.faults.inputs.sheets import XLSX, people, workbook
from tests.faults.threats.served import served
from tests.faults.trial import nothing_changes
from tests.integration.registration.files import row, table, upload, worked
from tests.integration.registration.world import World
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
COLUMNS: Final = [*row()]


# --- the whole file -------------------------------------------------------------------------------------------------

Whole = Callable[[list[dict[str, str]], random.Random], bytes]


def _lines(rows: Sequence[Mapping[str, str]]) -> list[bytes]:
    return table(*map(dict, rows)).splitlines(keepends=True)


def _with_header(change: Callable[[list[str], random.Random], list[str]]) -> Whole:
    def made(rows: list[dict[str, str]], dice: random.Random) -> bytes:
        header = change([*COLUMNS], dice)
        return b"".join([",".join(header).encode() + b"\r\n", *_lines(rows)[1:]])

    return made


def _in_a_line(what: bytes) -> Whole:
    def made(rows: list[dict[str, str]], dice: random.Random) -> bytes:
        lines = _lines(rows)
        at = dice.randrange(1, len(lines))
        return b"".join([*lines[:at], lines[at].rstrip() + what + b"\r\n", *lines[at + 1 :]])

    return made


WHOLE: Final[Mapping[str, tuple[Whole, str, str | None]]] = {
    "nothing": (lambda rows, dice: b"\n" * dice.randrange(5), "file_empty", None),
    "a header alone": (lambda rows, dice: _lines(rows)[0] + b"\r\n" * dice.randrange(5), "file_empty", None),
    "another encoding": (_in_a_line("é".encode("latin-1")), "file_encoding", None),
    "binary": (_in_a_line(b"\0"), "file_not_a_table", None),
    "an unclosed quotation": (_in_a_line(b',"'), "file_quote", None),
    "text behind a quotation": (_in_a_line(b',"a"b'), "file_quote", None),
    "a column missing": (_with_header(lambda names, dice: [n for n in names if n != "phone"]), "column_missing", "phone"),
    "a column doubled": (_with_header(lambda names, dice: [*names, dice.choice(names)]), "column_doubled", ""),
    "an unknown column": (_with_header(lambda names, dice: [*names, f"kolom{dice.randrange(99)}"]), "column_unknown", None),
    "no header": (lambda rows, dice: b"".join(_lines(rows)[1:]), "column_unknown", None),
    "too many rows": (lambda rows, dice: b"".join([_lines(rows)[0], *_lines(rows)[1:] * 20]), "too_many_rows", None),
}  # fmt: skip
"""What is wrong → how it is made, the code, and the column that is named ("": one of them)."""


@pytest.mark.cell("input.sheet.file", fault="inputs", service="registration")
async def test_a_file_that_is_no_table_of_ours_is_refused_before_its_first_row(
    stack: Stack, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    async with served("registration", stack, import_max_rows=50, import_max_bytes=100_000) as h:
        world = await World.opened(h)
        async with nothing_changes(h, evidence) as trial:
            for kind, (make, code, field) in [*WHOLE.items()] * scale(test=1, long=100):
                rows = people(dice.randrange(3, 6))
                answer = await upload(world, make(rows, dice))
                named = {answer.json().get("field", "")} if field == "" else {field} - {None}
                secrets = [one[name] for one in rows for name in ("nik", "name", "address")]
                trial.take(refused(kind, answer, 422, code, fields={str(n) for n in named}, secrets=secrets))
                if field is None and not any(sign.isdigit() for sign in answer.json().get("detail", "")):
                    trial.wrong.append(odd(kind, code, "a line or a column", "none"))
            for content, media, status, code in _unreadable(people(3), dice):
                answer = await upload(world, content, media_type=media)
                fields = {"phone"} if code == "column_missing" else set[str]()
                trial.take(refused(media, answer, status, code, fields=fields))


def _unreadable(rows: list[dict[str, str]], dice: random.Random) -> Iterator[tuple[bytes, str, int, str]]:
    """(content, media type, status, code) of files that are too large, or not what their media type says."""
    yield b"x" * 100_001, "text/csv", 413, "too_large"
    yield b"x" * 100, "application/pdf", 415, "unsupported_media_type"
    yield table(*rows), XLSX, 422, "file_not_a_table"
    yield workbook(rows)[: dice.randrange(10, 2_000)], XLSX, 422, "file_not_a_table"
    yield workbook(rows, [*COLUMNS[1:], "kolom"]), XLSX, 422, "column_unknown"
    yield workbook([{n: v for n, v in one.items() if n != "phone"} for one in rows]), XLSX, 422, "column_missing"


# --- ways of writing ------------------------------------------------------------------------------------------------


def _written(rows: Sequence[Mapping[str, str]], dice: random.Random) -> tuple[bytes, int]:
    """The same table as some program writes it, and how many blank lines it has."""
    separator, end = dice.choice(",;\t"), dice.choice(["\n", "\r\n"])
    sheet, blank = io.StringIO(), 0
    writer = csv.writer(
        sheet, delimiter=separator, lineterminator=end, quoting=dice.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
    )
    writer.writerow([dice.choice([name, name.upper(), name.replace("_", " "), f" {name} "]) for name in COLUMNS])
    for one in rows:
        for _ in range(dice.randrange(3)):
            sheet.write(dice.choice([end, separator * 3 + end, f"  {separator} {end}"]))
            blank += 1
        writer.writerow(one.values())
    mark, encoding = dice.choice(
        [(b"\xef\xbb\xbf", "utf-8"), (b"", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")]
    )
    return mark + sheet.getvalue().encode(encoding), blank


@pytest.mark.cell("input.sheet.written", fault="inputs", service="registration")
async def test_a_table_is_read_as_meant_however_it_was_saved(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    """BOM, semicolons, tabs, CRLF, quoted separators; blank lines are counted and take no result."""
    each, wrong = scale(test=6, long=300), list[Violation]()
    for turn in range(each):
        rows = people(3, address=f'Jalan "Mawar", RT 1; Gang {turn}', work_place="Pasar Anyar, Tangerang")
        content, blank = _written(rows, dice)
        done = await worked(world, content)
        if found := unlike(
            ("outcomes", ["accepted"] * 3, done.outcomes), ("blank lines", blank, done.summary["blank_lines"])
        ):
            wrong += found
            continue
        stored = await world.seen(done.rows[0]["participant_id"])
        if (stored["address"], stored["nik"]) != (rows[0]["address"], rows[0]["nik"]):
            wrong.append(odd("written", turn, "address and NIK as typed", "otherwise"))
    evidence.fired(each, of=each, unit="request")
    evidence.holds("inputs.answers", checked=3 * each, violations=wrong)
