"""What is wrong with a settlement file as a whole, and what to do about it. Each names the line where that shows."""

from __future__ import annotations

from chassis.problems import ProblemType, Refusal, Rejected

FILE_EMPTY = ProblemType(
    "settlement_file_empty",
    422,
    "Berkas tidak memuat baris apa pun. Unduh lagi berkas hari itu dari mitra.",
    "The file holds no line. Fetch the day's file from the partner again.",
)
FILE_NOT_TEXT = ProblemType(
    "settlement_file_not_text",
    422,
    "Baris {line} memuat bita yang bukan {encoding}. Unduh lagi berkasnya tanpa membukanya di program lain.",
    "Line {line} holds bytes that are not {encoding}. Fetch the file again without opening it in another program.",
)
HEADER_UNREADABLE = ProblemType(
    "settlement_header_unreadable",
    422,
    "Baris {line} bukan kepala berkas menurut tata letak mitra ini ({reason}). Periksa mitra dan tata letaknya.",
    "Line {line} is no header by this partner's layout ({reason}). Check the partner and its layout.",
)
TITLES_DIFFER = ProblemType(
    "settlement_titles_differ",
    422,
    "Judul kolom pada baris {line} tidak sama dengan tata letak mitra ini. Sepakati tata letak baru lebih dahulu.",
    "The column titles on line {line} are not those of this partner's layout. Agree on a new layout first.",
)
FILE_TRUNCATED = ProblemType(
    "settlement_file_truncated",
    422,
    "Berkas berakhir pada baris {line} tanpa baris penutup ({reason}). Berkas terpotong; unduh lagi.",
    "The file ends on line {line} without its trailer ({reason}). It was cut off; fetch it again.",
)
COUNT_DIFFERS = ProblemType(
    "settlement_count_differs",
    422,
    "Baris penutup ({line}) menyebut {told} baris, berkas memuat {found}. Berkas tidak lengkap; unduh lagi.",
    "The trailer (line {line}) tells of {told} lines, the file holds {found}. It is not complete; fetch it again.",
)
TOTAL_DIFFERS = ProblemType(
    "settlement_total_differs",
    422,
    "Baris penutup ({line}) menyebut {what} Rp{told}, jumlah baris adalah Rp{found}. Minta berkas yang benar dari mitra.",
    "The trailer (line {line}) tells of {what} Rp{told}, the lines come to Rp{found}. Ask the partner for the right file.",
)
OTHER_PARTNER = ProblemType(
    "settlement_of_other_partner",
    422,
    "Menurut baris {line} berkas ini bukan dari mitra tersebut. Unggah di bawah mitra yang benar.",
    "By line {line} this is not that partner's file. Upload it under the right partner.",
)
OTHER_DAY = ProblemType(
    "settlement_of_other_day",
    422,
    "Menurut baris {line} berkas ini bukan untuk hari {day}. Unggah dengan hari yang benar.",
    "By line {line} this is not the file of {day}. Upload it under the right day.",
)
TOO_MANY_LINES = ProblemType(
    "settlement_too_many_lines",
    422,
    "Berkas memuat lebih dari {most} baris (terlampaui pada baris {line}). Minta mitra membaginya.",
    "The file has more than {most} lines (exceeded on line {line}). Ask the partner to split it.",
)
DAY_OUTSIDE = ProblemType(
    "settlement_day_outside",
    422,
    "Hari {day} pada alamat ini di luar {first} sampai {last} (hari ini). Unggah dengan hari milik berkas itu.",
    "The day {day} of this address lies outside {first} to {last} (today). Upload the file under its own day.",
)
FAULTS = (
    DAY_OUTSIDE,
    FILE_EMPTY,
    FILE_NOT_TEXT,
    HEADER_UNREADABLE,
    TITLES_DIFFER,
    FILE_TRUNCATED,
    COUNT_DIFFERS,
    TOTAL_DIFFERS,
    OTHER_PARTNER,
    OTHER_DAY,
    TOO_MANY_LINES,
)


class FileRefused(Refusal):
    """The whole file is refused; nothing of it is stored."""

    def __init__(self, problem: ProblemType, field: str | None = None, **values: object) -> None:
        super().__init__(Rejected(problem, field, {name: str(value) for name, value in values.items()}))
