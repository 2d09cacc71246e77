"""Response codes of SNAP: HTTP status (3 digits), service (2), case (2).

Texts in both languages say what the caller should do.

404xx18 on a payment counts as success at the bank, so it is given only for money that is posted (snap.md section 7).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Service(StrEnum):
    """The two digits of each service that a biller hosts."""

    TOKEN = "73"  # noqa: S105  (a service number)
    INQUIRY = "24"
    PAYMENT = "25"
    STATUS = "26"
    QR_NOTICE = "52"
    UNKNOWN = "00"


@dataclass(frozen=True, slots=True)
class Reason:
    """`english` and `indonesia`, at most 64 characters each: the shortest limit of the field tables."""

    english: str
    indonesia: str


@dataclass(frozen=True, slots=True)
class Case:
    """One way to answer. `message` is the wire text, `reason` what the payer may be shown."""

    status: int
    number: str
    message: str
    reason: Reason

    def code(self, service: Service) -> str:
        """The seven digits."""
        return f"{self.status}{service}{self.number}"

    @property
    def succeeded(self) -> bool:
        return self.status == 200

    def saying(self, detail: str) -> Case:
        """The same case with `{}` of its message filled in."""
        return replace(self, message=self.message.format(detail))


def _case(status: int, number: str, message: str, english: str, indonesia: str) -> Case:
    return Case(status, number, message, Reason(english, indonesia))


SUCCESS = _case(200, "00", "Successful", "Success", "Sukses")
BAD_REQUEST = _case(400, "00", "Bad Request", "The request cannot be read", "Permintaan tidak dapat dibaca")
INVALID_FORMAT = _case(
    400, "01", "Invalid Field Format {}", "A field has the wrong form or length", "Format isian salah"
)
MANDATORY_MISSING = _case(
    400, "02", "Invalid Mandatory Field {}", "A mandatory field is missing", "Isian wajib tidak ada"
)
UNAUTHORIZED = _case(401, "00", "Unauthorized. [{}]", "Not authorised", "Tidak berwenang")
STALE = "X-TIMESTAMP out of tolerance"
"""What `UNAUTHORIZED` says of a call that is signed and was not made now."""
INVALID_TOKEN = _case(
    401, "01", "Invalid Token (B2B)", "The token is missing, unknown or expired", "Token tidak sah atau kedaluwarsa"
)
TOKEN_NOT_FOUND = _case(
    401, "03", "Token Not Found (B2B)", "The token is missing, unknown or expired", "Token tidak sah atau kedaluwarsa"
)
ABOVE_LIMIT = _case(
    403,
    "02",
    "Exceeds Transaction Amount Limit",
    "The amount is above the limit; pay in smaller parts",
    "Jumlah melebihi batas; bayar dalam beberapa bagian",
)
BELOW_RETAIL = _case(
    403,
    "02",
    "Exceeds Transaction Amount Limit",
    "Below what shops take; ask for a bill of more months",
    "Di bawah batas gerai; minta tagihan beberapa bulan",
)
ABOVE_RETAIL = _case(
    403,
    "02",
    "Exceeds Transaction Amount Limit",
    "Above what shops take; pay at a bank",
    "Di atas batas gerai; bayar lewat bank",
)
TOO_OFTEN = _case(
    403,
    "04",
    "Activity Count Limit Exceeded",
    "Too many payments of this number today; pay tomorrow",
    "Terlalu banyak pembayaran hari ini; bayar besok",
)
NOT_AT_THIS_TIME = _case(
    403,
    "06",
    "Feature Not Allowed At This Time",
    "Outside the agreed hours; try again when they begin",
    "Di luar jam layanan; coba lagi pada jam layanan",
)
CLOSED = _case(
    403,
    "15",
    "Transaction Not Permitted. [Participation closed]",
    "Participation is closed; ask the branch office",
    "Kepesertaan sudah ditutup; hubungi kantor cabang",
)
NOT_FOR_FIRST = _case(
    403,
    "15",
    "Transaction Not Permitted. [First payment]",
    "The first payment is not taken here; ask the agent",
    "Pembayaran pertama tidak diterima di sini; hubungi agen",
)
TRANSACTION_NOT_FOUND = _case(404, "01", "Transaction Not Found", "No such transaction", "Transaksi tidak ditemukan")
UNKNOWN_BILL = _case(
    404,
    "12",
    "Invalid Bill/Virtual Account [Not Found]",
    "Number not found; check it",
    "Nomor tidak ditemukan; periksa lagi",
)
BLOCKED_BILL = _case(
    404,
    "12",
    "Invalid Bill/Virtual Account [Blocked]",
    "Number is blocked; ask the branch office",
    "Nomor diblokir; hubungi kantor cabang",
)
OTHER_ACCOUNT = _case(
    404,
    "12",
    "Invalid Bill/Virtual Account [Request Of Another Account]",
    "This request paid another number; use a new request id",
    "Permintaan ini milik nomor lain; pakai id permintaan baru",
)
VOIDED = _case(
    404,
    "12",
    "Invalid Bill/Virtual Account [Request Voided]",
    "The money never reached us; pay with a new request id",
    "Dana tidak kami terima; bayar lagi dengan id permintaan baru",
)
WRONG_AMOUNT = _case(
    404,
    "13",
    "Invalid Amount",
    "The amount is not that of the bill; inquire again",
    "Jumlah tidak sama dengan tagihan; ulangi inkuiri",
)
PAID = _case(404, "14", "Paid Bill", "The bill is paid; nothing is owed", "Tagihan sudah dibayar; tidak ada tunggakan")
PARTNER_NOT_FOUND = _case(404, "16", "Partner Not Found", "The prefix is unknown", "Awalan nomor tidak dikenal")
ALREADY_POSTED = replace(SUCCESS, status=404, number="18", message="Inconsistent Request")
"""The answer carries the first result, and its reason."""
EXPIRED = _case(
    404,
    "19",
    "Invalid Bill/Virtual Account",
    "The bill has expired; inquire again",
    "Tagihan kedaluwarsa; ulangi inkuiri",
)
REGISTRATION_EXPIRED = _case(
    404,
    "19",
    "Invalid Bill/Virtual Account",
    "The registration has expired; register again",
    "Pendaftaran kedaluwarsa; daftar lagi",
)
NOT_SUPPORTED = _case(405, "00", "Function Not Supported", "No such service", "Layanan tidak tersedia")
CONFLICT = _case(
    409, "00", "Conflict", "X-EXTERNAL-ID was used today; send a new one", "X-EXTERNAL-ID sudah dipakai hari ini"
)
TOO_MANY = _case(
    429, "00", "Too Many Requests", "Too many requests; wait and repeat", "Terlalu banyak permintaan; ulangi nanti"
)
GENERAL_ERROR = _case(
    500, "00", "General Error", "Our fault; nothing is promised, repeat it", "Gangguan pada kami; silakan ulangi"
)
TIMEOUT = _case(504, "00", "Timeout", "Outcome not known yet; ask the status", "Hasil belum diketahui; cek status")

NOT_PAID_YET = Reason("Not paid yet", "Belum dibayar")
