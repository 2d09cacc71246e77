"""What the system says when it refuses: a stable code, a status, and one sentence in each language that says what to
do.
 A business refusal is an outcome (`Rejected`), never an exception; `Refusal` carries one out of a read or an edge,
where there is no batch to answer. Rendered as RFC 9457 problem details; texts and values never hold personal data.
Pure: `domain` modules may import this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from types import MappingProxyType
from typing import Any

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of refusal. `id` and `en` may contain {placeholders}, filled from the refusal's `values`."""

    code: str
    status: int
    id: str
    en: str

    @property
    def uri(self) -> str:
        return f"urn:perisai:problem:{self.code}"

    @property
    def title(self) -> str:
        """The code as words: the same for every occurrence, as RFC 9457 asks."""
        return self.code.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field of a request, e.g. `programmes.1`, and what to do about it."""

    field: str
    code: str
    id: str
    en: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A refusal as an outcome. `values` fill the placeholders; `rules` names the dated rule set that decided;
    `errors` lists every bad field."""

    problem: ProblemType
    field: str | None = None
    values: Mapping[str, str] = dataclass_field(default_factory=lambda: _NOTHING)
    rules: str | None = None
    errors: tuple[FieldError, ...] = ()


class Refusal(Exception):
    """Carries a `Rejected` out of a read or an edge; the HTTP application renders it. Its text is the code alone."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(rejected.problem.code)
        self.rejected = rejected


def render(rejected: Rejected) -> dict[str, Any]:
    """The problem+json members. `detail` is the Indonesian sentence (RFC 9457 wants one string); `messages` has both
    languages.

    Raises KeyError when a placeholder has no value: a mistake of the code, found by the first test of that refusal.
    """
    problem = rejected.problem
    messages = {"id": problem.id.format_map(rejected.values), "en": problem.en.format_map(rejected.values)}
    members: dict[str, Any] = {
        "type": problem.uri,
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": messages["id"],
        "messages": messages,
    }
    if rejected.field is not None:
        members["field"] = rejected.field
    if rejected.rules is not None:
        members["rules"] = rejected.rules
    if rejected.errors:
        members["errors"] = [
            {"field": e.field, "code": e.code, "messages": {"id": e.id, "en": e.en}} for e in rejected.errors
        ]
    return members


MALFORMED = ProblemType(
    "malformed",
    400,
    "Isi permintaan bukan JSON yang sah: {reason}. Perbaiki lalu kirim lagi.",
    "The body is not valid JSON: {reason}. Correct it and send it again.",
)
BAD_REQUEST = ProblemType(
    "bad_request",
    400,
    "Permintaan tidak dapat dibaca. Periksa alamat dan tajuknya.",
    "The request cannot be read. Check its address and headers.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported_media_type",
    415,
    "Kirim isi permintaan dengan Content-Type {expected}.",
    "Send the body with Content-Type {expected}.",
)
TOO_LARGE = ProblemType(
    "too_large",
    413,
    "Isi permintaan melebihi {limit} bita. Perkecil atau bagi menjadi beberapa permintaan.",
    "The body is over {limit} bytes. Make it smaller or split it into several requests.",
)
INVALID = ProblemType(
    "invalid",
    422,
    "Ada isian yang tidak sah. Perbaiki setiap isian pada daftar errors lalu kirim lagi.",
    "Some fields are not valid. Correct each field listed in errors and send it again.",
)
UNAUTHORIZED = ProblemType(
    "unauthorized",
    401,
    "Token akses tidak ada, tidak sah, atau sudah kedaluwarsa. Masuk lagi untuk mendapat token baru.",
    "The access token is missing, not valid or expired. Sign in again for a new token.",
)
FORBIDDEN = ProblemType(
    "forbidden",
    403,
    "Peran Anda tidak berhak melakukan ini. Hubungi kantor cabang bila Anda memerlukannya.",
    "Your role may not do this. Ask your branch office if you need it.",
)
NOT_FOUND = ProblemType(
    "not_found",
    404,
    "Tidak ditemukan. Periksa kembali nomor atau alamatnya.",
    "Nothing was found. Check the number or the address.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method_not_allowed",
    405,
    "Metode ini tidak berlaku untuk alamat tersebut. Lihat dokumentasi API di /docs.",
    "This method does not exist at that address. See the API documentation at /docs.",
)
TIMEOUT = ProblemType(
    "timeout",
    408,
    "Isi permintaan terlalu lama sampai. Kirim lagi melalui sambungan yang lebih baik.",
    "The body took too long to arrive. Send it again over a better connection.",
)
IDEMPOTENCY_KEY_MISSING = ProblemType(
    "idempotency_key_missing",
    400,
    "Kirim tajuk Idempotency-Key (1 sampai 255 karakter ASCII), baru untuk setiap perintah, sama saat mencoba lagi.",
    "Send an Idempotency-Key header (1 to 255 ASCII characters), new for every command and the same when you retry it.",
)
KEY_REUSED = ProblemType(
    "key_reused",
    422,
    "Idempotency-Key ini sudah dipakai untuk isi yang lain. Pakai kunci baru untuk perintah baru.",
    "This Idempotency-Key was used with another body. Use a new key for a new command.",
)
OVERLOADED = ProblemType(
    "overloaded",
    429,
    "Terlalu banyak permintaan. Tunggu sesuai Retry-After lalu coba lagi.",
    "Too many requests. Wait as long as Retry-After says and try again.",
)
UNAVAILABLE = ProblemType(
    "unavailable",
    503,
    "Layanan sedang tidak tersedia dan tidak ada yang disimpan. Tunggu sesuai Retry-After lalu coba lagi.",
    "The service is not available and nothing was stored. Wait as long as Retry-After says and try again.",
)
NOT_RECORDED = ProblemType(
    "not_recorded",
    503,
    "Data pribadi tidak ditampilkan karena saat ini tidak dapat dicatat siapa yang melihatnya. Tunggu sesuai Retry-After lalu coba lagi.",
    "Personal data is not shown, because who looks at it cannot be recorded now. Wait as long as Retry-After says and try again.",
)
INTERNAL = ProblemType(
    "internal",
    500,
    "Terjadi kesalahan pada layanan. Coba lagi dengan Idempotency-Key yang sama; sebut X-Correlation-Id bila melapor.",
    "Something went wrong in the service. Retry with the same Idempotency-Key; quote X-Correlation-Id in a report.",
)
CLOCK_FIXED = ProblemType(
    "clock_fixed",
    409,
    "Waktu bisnis hanya dapat dimajukan, dan tidak di lingkungan produksi. Kirim waktu yang lebih baru.",
    "Business time can only be moved forward, and never in production. Send a later time.",
)
