"""What is wrong with an uploaded table or one of its cells, and what to do about it. Whole-file faults name the line
or the column.
"""

from __future__ import annotations

from chassis.problems import ProblemType

# --- the whole file is refused, nothing is imported -----------------------------------------------------------------

FILE_ENCODING = ProblemType(
    "file_encoding",
    422,
    "Baris {line} memuat karakter yang bukan UTF-8. Simpan ulang berkas sebagai CSV UTF-8 lalu unggah lagi.",
    "Line {line} holds characters that are not UTF-8. Save the file as CSV UTF-8 and upload it again.",
)
FILE_NOT_A_TABLE = ProblemType(
    "file_not_a_table",
    422,
    "Berkas ini bukan tabel yang dapat dibaca (baris {line}). Unggah CSV UTF-8 atau XLSX yang tidak terkunci.",
    "This file is no table that can be read (line {line}). Upload CSV UTF-8 or an XLSX that is not locked.",
)
FILE_EMPTY = ProblemType(
    "file_empty",
    422,
    "Berkas tidak memuat satu pun baris peserta (dibaca sampai baris {line}). Isi sedikitnya satu baris.",
    "The file holds no row of a person (read to line {line}). Fill in at least one row.",
)
FILE_QUOTE = ProblemType(
    "file_quote",
    422,
    "Tanda kutip pada baris {line} tidak ditutup dengan benar. Perbaiki baris itu lalu unggah lagi.",
    "A quotation mark on line {line} is not closed properly. Correct that line and upload again.",
)
COLUMN_MISSING = ProblemType(
    "column_missing",
    422,
    "Kolom {column} tidak ada pada baris judul. Tambahkan; contoh judul ada di /imports/template.",
    "Column {column} is missing from the header. Add it; /imports/template shows a header.",
)
COLUMN_DOUBLED = ProblemType(
    "column_doubled",
    422,
    "Kolom {column} muncul dua kali pada baris judul. Hapus salah satunya.",
    "Column {column} stands twice in the header. Remove one of them.",
)
COLUMN_UNKNOWN = ProblemType(
    "column_unknown",
    422,
    "Judul kolom ke-{position} tidak dikenal. Pakai nama kolom dari /imports/template atau hapus kolom itu.",
    "The header of column {position} is not known. Use the names of /imports/template or remove the column.",
)
TOO_MANY_ROWS = ProblemType(
    "too_many_rows",
    422,
    "Berkas memuat lebih dari {most} baris (terlampaui pada baris {line}). Bagi menjadi beberapa berkas.",
    "The file has more than {most} rows (exceeded on line {line}). Split it into several files.",
)
FILE_UNPACKS_TOO_LARGE = ProblemType(
    "file_unpacks_too_large",
    413,
    "Isi berkas XLSX terlalu besar setelah dibuka (lebih dari {limit} bita). Bagi menjadi beberapa berkas.",
    "The XLSX unpacks to more than {limit} bytes. Split it into several files.",
)

FILE_UNREADABLE = ProblemType(
    "file_unreadable",
    500,
    "Berkas yang tersimpan tidak dapat dibuka. Unggah lagi berkas aslinya; laporkan nomor impor ini.",
    "The stored file cannot be opened. Upload the original again; report the id of this import.",
)

# --- one row is refused, the others go on ---------------------------------------------------------------------------

NIK_NOT_TEXT = ProblemType(
    "nik_not_text",
    422,
    "NIK tersimpan sebagai angka sehingga digitnya bisa hilang. Ubah format kolom nik menjadi Teks dan ketik ulang "
    "dari KTP.",
    "The NIK was stored as a number, so digits may be lost. Format column nik as Text and type it again from the card.",
)
DATE_IMPOSSIBLE = ProblemType(
    "date_impossible",
    422,
    "Tanggal ini tidak ada. Tulis tanggal sebagai TTTT-BB-HH atau HH/BB/TTTT.",
    "There is no such date. Write it as YYYY-MM-DD or DD/MM/YYYY.",
)
NUMBER_UNREADABLE = ProblemType(
    "number_unreadable",
    422,
    "Tulis rupiah bulat dengan angka saja, tanpa titik, koma atau Rp.",
    "Write whole rupiah in digits only, without points, commas or Rp.",
)
YES_NO_UNREADABLE = ProblemType(
    "yes_no_unreadable",
    422,
    "Isi dengan ya atau tidak.",
    "Write yes or no.",
)
SEX_UNREADABLE = ProblemType(
    "sex_unreadable",
    422,
    "Isi F atau P untuk perempuan, M atau L untuk laki-laki.",
    "Write F or P for a woman, M or L for a man.",
)
CELLS_BEYOND_HEADER = ProblemType(
    "cells_beyond_header",
    422,
    "Baris ini memuat lebih banyak sel daripada judulnya. Periksa tanda pemisah dan tanda kutip.",
    "This row has more cells than the header. Check its separators and quotation marks.",
)
DUPLICATE_OF_LINE = ProblemType(
    "duplicate_of_line",
    409,
    "NIK ini sudah ada pada baris {line} berkas yang sama. Hapus salah satu baris.",
    "This NIK stands on line {line} of the same file. Remove one of the lines.",
)
ROW_FAILED = ProblemType(
    "row_failed",
    500,
    "Baris ini gagal karena kesalahan sistem. Daftarkan lagi; bila berulang, laporkan nomor impor dan barisnya.",
    "This row failed through a fault of the system. Register it again; if it repeats, report import and line.",
)
REGISTERED_BEFORE = "registered_before"
"""Code of an accepted row whose same form had been accepted before: it carries the first result."""
