"""What notifications refuses, and what the caller should do about it."""

from __future__ import annotations

from chassis.problems import ProblemType

SIGNATURE_INVALID = ProblemType(
    "signature_invalid",
    401,
    "Tanda tangan atau waktu pada tajuk X-Signature dan X-Timestamp tidak sah. Tanda tangani isi mentah dengan waktu sekarang.",
    "The signature or time in X-Signature and X-Timestamp is not valid. Sign the raw body with the present time.",
)
MESSAGE_UNKNOWN = ProblemType(
    "message_unknown",
    404,
    "Tidak ada pesan dengan reference dan message_id ini. Periksa keduanya; jangan kirim ulang.",
    "There is no message with this reference and message_id. Check both; do not send it again.",
)
