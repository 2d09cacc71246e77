"""What payments refuses, with what to do about it in both languages."""

from __future__ import annotations

from datetime import datetime

from chassis.problems import ProblemType
from contracts.values import WIB
from services.payments.domain.billing import CannotBill
from services.payments.domain.settlement.differences import CannotBook


def when(instant: datetime) -> str:
    """A moment as a value of these texts."""
    return f"{instant.astimezone(WIB):%Y-%m-%d %H:%M:%S} WIB"


NOTHING_OWED = ProblemType(
    "nothing_owed",
    409,
    "Iuran sudah lunas sampai bulan ini. Minta tagihan untuk beberapa bulan ke depan bila ingin membayar di muka.",
    "Contributions are paid up to this month. Ask for a bill of several months to pay ahead.",
)
REGISTRATION_EXPIRED = ProblemType(
    "registration_expired",
    409,
    "Pendaftaran ini kedaluwarsa karena tidak dibayar. Daftarkan kembali peserta untuk mendapat kode iuran baru.",
    "This registration expired unpaid. Register the participant again for a new contribution code.",
)
PAYER_BLOCKED = ProblemType(
    "payer_blocked",
    409,
    "Pembayaran peserta ini ditahan ({reason}). Hubungi kantor cabang.",
    "Payments of this participant are held ({reason}). Ask the branch office.",
)
PARTICIPATION_CLOSED = ProblemType(
    "participation_closed",
    409,
    "Kepesertaan ini sudah ditutup, tidak ada lagi tagihan. Hubungi kantor cabang bila ini keliru.",
    "This participation is closed, there are no more bills. Ask the branch office if that is wrong.",
)
PARTNER_EXISTS = ProblemType(
    "partner_exists",
    409,
    "Mitra atau client key ini sudah aktif. Ganti kuncinya, nonaktifkan dahulu, atau pakai nama lain.",
    "This partner or client key is enabled already. Rotate its keys, disable it first, or use another name.",
)
PARTNER_DISABLED = ProblemType(
    "partner_disabled",
    409,
    "Mitra ini sudah dinonaktifkan. Aktifkan kembali lewat POST /partners bila perlu.",
    "This partner is disabled. Enable it again by POST /partners if needed.",
)
OVERLAP_OUT_OF_RANGE = ProblemType(
    "overlap_out_of_range",
    422,
    "Kunci atau rahasia lama paling lama berlaku 90 hari lagi. Pilih waktu di antara sekarang dan batas itu.",
    "The old key or secret may live 90 days more at most. Choose a moment between now and then.",
)
OLD_STILL_LIVES = ProblemType(
    "old_still_lives",
    409,
    "Yang lama masih berlaku sampai {until} seperti disepakati. Tunggu sampai saat itu. Bila mendesak: kirim tanpa old_until,"
    " maka hanya yang dikirim yang berlaku; rahasia yang belum diterima siapa pun diganti dengan instead_of.",
    "The old one lives until {until}, as was agreed. Wait until then. If it cannot wait: send it without old_until, then what is"
    " sent is live and nothing else; a secret that nobody has received is replaced by instead_of.",
)
OLD_STILL_TRIED = ProblemType(
    "old_still_tried",
    409,
    "Yang lama masih dicoba sampai {until}. Tunggu sampai saat itu, atau hapus dahulu (retire).",
    "The old one is still tried until {until}. Wait until then, or retire it first.",
)
SECRET_NOT_NEWEST = ProblemType(
    "secret_not_newest",
    409,
    "Ini bukan rahasia terbaru mitra ini. Lihat secrets pada GET /partners/{{partner}}: yang terbaru tidak punya until.",
    "This is not the newest secret of this partner. See secrets of GET /partners/{{partner}}: the newest has no until.",
)
CONDITIONS_IN_USE = ProblemType(
    "conditions_in_use",
    409,
    "Ketentuan yang sudah berlaku tidak dapat diubah. Pilih tanggal mulai yang lebih kemudian.",
    "Conditions that are in force are not changed. Choose a later day from which the new ones hold.",
)
CREDENTIAL_WAITS = ProblemType(
    "credential_waits",
    409,
    "Masih ada kunci atau rahasia sejenis yang diusulkan. Aktifkan atau hapus dahulu.",
    "A key or secret of this kind is proposed already. Activate or retire it first.",
)
CREDENTIAL_NOT_PROPOSED = ProblemType(
    "credential_not_proposed",
    409,
    "Kunci atau rahasia ini sudah digantikan. Usulkan yang baru.",
    "This key or secret was replaced already. Propose a new one.",
)
CREDENTIAL_IN_USE = ProblemType(
    "credential_in_use",
    409,
    "Kunci atau rahasia ini sedang dipakai. Aktifkan penggantinya, atau nonaktifkan mitra.",
    "This key or secret signs our calls. Activate its successor, or disable the partner.",
)
QR_NOT_OFFERED = ProblemType(
    "qr_not_offered",
    409,
    "Pembayaran dengan QR belum tersedia. Pakai kode iuran pada virtual account.",
    "Payment by QR is not available yet. Use the contribution code with a virtual account.",
)
ACQUIRER_UNKNOWN = ProblemType(
    "acquirer_unknown",
    422,
    "Acquirer ini tidak terdaftar. Sebut namanya sebagai mitra, atau hilangkan acquirer agar dipilihkan.",
    "There is no such acquirer. Give its name as a partner, or leave acquirer out to have one chosen.",
)
NOT_FOR_FIRST_PAYMENT = ProblemType(
    "not_for_first_payment",
    409,
    "Pembayaran pertama peserta yang didaftarkan agen tidak diterima lewat kanal ini. Pakai: {channels}.",
    "The first payment of a participant whom an agent registered is not taken through this channel. Use: {channels}.",
)
QR_ENDED = ProblemType(
    "qr_ended",
    409,
    "Kode QR tagihan ini sudah dipakai atau berakhir. Minta tagihan baru bila masih ada yang terutang.",
    "The QR code of this bill was used or has ended. Ask for a new bill if something is still owed.",
)
BILL_NOT_OPEN = ProblemType(
    "bill_not_open",
    409,
    "Tagihan ini sudah dibayar atau berakhir. Minta tagihan baru.",
    "This bill is paid or has ended. Ask for a new bill.",
)
NO_SUCH_PARTNER = ProblemType(
    "no_such_partner",
    404,
    "Mitra {partner} tidak terdaftar. Periksa namanya, atau daftarkan dahulu lewat POST /partners.",
    "There is no partner {partner}. Check its name, or enable it by POST /partners first.",
)
SETTLEMENT_NO_LAYOUT = ProblemType(
    "settlement_no_layout",
    409,
    "Tata letak berkas mitra ini belum disepakati untuk hari itu. Kirim lewat POST /settlements/layouts.",
    "No file layout of this partner was agreed for that day. Send one by POST /settlements/layouts.",
)
SETTLEMENT_NOT_RECONCILED = ProblemType(
    "settlement_not_reconciled",
    409,
    "Berkas hari itu belum selesai direkonsiliasi. Unggah berkasnya atau tunggu sampai selesai.",
    "The file of that day is not reconciled yet. Upload it or wait until it is.",
)
CREDIT_NOTED = ProblemType(
    "credit_noted",
    409,
    "Baris rekening ini (evidence) sudah dicatat untuk hari itu. Periksa mutasi rekening: satu baris dicatat satu kali.",
    "This account line (evidence) was noted for that day already. Check the statement: a line is noted once.",
)
CREDIT_UNKNOWN = ProblemType(
    "credit_unknown",
    409,
    "Baris rekening ini (evidence) tidak tercatat untuk hari itu. Periksa nomornya pada hari mitra itu.",
    "No such account line (evidence) was noted for that day. Check its number with the partner's day.",
)
CREDIT_TOO_SMALL = ProblemType(
    "credit_too_small",
    409,
    "Baris rekening ini (evidence) tidak memuat uang sebanyak itu di luar yang sudah dibukukan darinya. Sebut baris lain, atau betulkan catatannya.",
    "This account line (evidence) has not so much money beside what was booked of it. Name another line, or have its note put right.",
)
CASE_CLOSED = ProblemType(
    "case_closed",
    409,
    "Kasus ini sudah ditutup; tidak ada lagi yang dapat diubah.",
    "This case is closed; nothing of it can be changed any more.",
)
CASE_NOT_VOIDED = ProblemType(
    "case_not_voided",
    409,
    "Pembayaran pada kasus ini belum dibatalkan. Ajukan pembatalannya dan minta persetujuan pemeriksa lebih dahulu.",
    "The payment of this case was not voided. Propose that and have it approved by a checker first.",
)
CASE_STATUS_NOT_ASKED = ProblemType(
    "case_status_not_asked",
    409,
    "Tanyakan dahulu status pembayaran ini kepada mitra dan catat jawabannya.",
    "Ask the partner for the status of this payment first, and note the answer.",
)
DIFFERENCE_NOT_BOOKABLE = ProblemType(
    "difference_not_bookable",
    409,
    "Perkara ini tidak tentang uang yang dimuat mitra di atas buku kita. Tutup perkara dengan hasil lain.",
    "This case is about no money that the partner lists above our books. Close it with another outcome.",
)
SETTLEMENT_FILE_REPLACED = ProblemType(
    "settlement_file_replaced",
    409,
    "Berkas hari itu sudah diganti. Lihat perkara dari berkas yang terakhir, dan tutup yang ini.",
    "Another file of that day has come. Look at the cases of the last one, and close this one.",
)
FIRST_LISTING_REPLACED = ProblemType(
    "first_listing_replaced",
    409,
    "Berkas yang lebih dahulu memuat pembayaran ini sudah diganti. Unggah lagi berkas hari ini dengan satu baris kosong, lalu lihat perkaranya.",
    "The file that listed this payment first was replaced. Upload the file of this day again with a blank line more, and look at its cases.",
)
BOOKS_CHANGED = ProblemType(
    "books_changed",
    409,
    "Uang pembayaran ini masuk ke buku sesudah berkas dicocokkan. Unggah lagi berkas hari ini dengan satu baris kosong, lalu lihat perkaranya.",
    "Money of this payment was booked after the file was compared. Upload the file of this day again with a blank line more, and look at its cases.",
)
DIFFERENCE_OF_ANOTHER_AMOUNT = ProblemType(
    "difference_of_another_amount",
    409,
    "amount harus sama dengan selisih antara baris mitra dan buku kita. Minta berkas yang benar bila yang datang lain.",
    "amount must be what the partner's line has above our books. Ask for a corrected file if something else came.",
)
DIFFERENCE_REFERENCE = ProblemType(
    "difference_reference",
    422,
    "Sebut reference (nomor pembayaran pada mitra) untuk baris yang tidak terbaca, dan hanya untuk itu.",
    "Name reference (the partner's number of the payment) for a line that cannot be read, and for no other.",
)
RECEIPT_KNOWN = ProblemType(
    "receipt_known",
    409,
    "Uang dengan nomor ini (reference) sudah ada dalam buku. Tutup perkara, atau periksa nomornya.",
    "Money under this number (reference) is in the books already. Close the case, or check the number.",
)
BOOKING_WAITS = ProblemType(
    "booking_waits",
    409,
    "Usulan untuk perkara ini masih menunggu orang kedua. Putuskan itu dahulu.",
    "A proposal for this case waits for a second person already. Decide that one first.",
)
BOOKING_DECIDED = ProblemType(
    "booking_decided",
    409,
    "Usulan untuk perkara ini sudah diputuskan oleh {by}. Muat ulang perkara itu.",
    "This proposal was decided already, by {by}. Reload the case.",
)
BILL_ENDED = ProblemType(
    "bill_ended",
    409,
    "Tagihan ini berstatus {status} dan tidak dapat dibatalkan lagi.",
    "This bill is {status} and cannot be cancelled any more.",
)
MONTHS_NOT_OFFERED = ProblemType(
    "months_not_offered",
    422,
    "Pilih {choices} bulan.",
    "Choose {choices} months.",
)
PARAMETERS_TOO_EARLY = ProblemType(
    "parameters_too_early",
    409,
    "Ketentuan sudah dipakai sampai sebelum {earliest}. Ajukan dengan tanggal berlaku {earliest} atau sesudahnya.",
    "What holds before {earliest} may have been used. Propose it from {earliest} on or later.",
)
SAME_PERSON = ProblemType(
    "same_person",
    409,
    "Pengusul tidak dapat menyetujui usulannya sendiri. Minta orang lain di kantor pusat menyetujuinya.",
    "Whoever proposed cannot approve. Ask another person of the central office.",
)
SET_DECIDED = ProblemType(
    "set_decided",
    409,
    "Usulan ini sudah diputuskan oleh {by}. Ajukan ketentuan baru bila perlu.",
    "This proposal was decided already, by {by}. Propose another set if needed.",
)
NO_SUCH_LINE = ProblemType(
    "no_such_line",
    422,
    "Pernyataan ini punya {lines} baris. Sebut nomor baris, atau 0 untuk seluruh pernyataan.",
    "This statement has {lines} lines. Name the number of a line, or 0 for the statement as a whole.",
)
STATEMENT_NOT_YET = ProblemType(
    "statement_not_yet_issued",
    404,
    "Pernyataan insentif bulan {month} terbit mulai {from}. Lihat lagi sesudah itu.",
    "Incentive statements of {month} are issued from {from} on. Look again then.",
)
STATEMENT_UNDER_WAY = ProblemType(
    "statement_under_way",
    404,
    "Pernyataan insentif bulan {month} sedang diterbitkan, dan yang ini belum ada. Lihat lagi sebentar lagi.",
    "Incentive statements of {month} are being issued, and this one is not there yet. Look again soon.",
)
DISPUTE_ANSWERED = ProblemType(
    "dispute_answered",
    409,
    "Keberatan ini sudah dijawab oleh {by}. Ajukan keberatan baru bila masih ada yang keliru.",
    "This dispute was answered already, by {by}. Raise a new one if something is still wrong.",
)

BILLING_PROBLEMS = {
    CannotBill.NOTHING_OWED: NOTHING_OWED,
    CannotBill.REGISTRATION_EXPIRED: REGISTRATION_EXPIRED,
    CannotBill.BLOCKED: PAYER_BLOCKED,
    CannotBill.CLOSED: PARTICIPATION_CLOSED,
    CannotBill.MONTHS_NOT_OFFERED: MONTHS_NOT_OFFERED,
}

BOOKING_PROBLEMS: dict[CannotBook, ProblemType] = {
    CannotBook.NOT_OFFERED: DIFFERENCE_NOT_BOOKABLE,
    CannotBook.FILE_REPLACED: SETTLEMENT_FILE_REPLACED,
    CannotBook.NOT_RECONCILED: SETTLEMENT_NOT_RECONCILED,
    CannotBook.FIRST_REPLACED: FIRST_LISTING_REPLACED,
    CannotBook.BOOKS_CHANGED: BOOKS_CHANGED,
    CannotBook.OTHER_AMOUNT: DIFFERENCE_OF_ANOTHER_AMOUNT,
    CannotBook.REFERENCE: DIFFERENCE_REFERENCE,
    CannotBook.CREDIT_UNKNOWN: CREDIT_UNKNOWN,
    CannotBook.CREDIT_TOO_SMALL: CREDIT_TOO_SMALL,
    CannotBook.RECEIPT_KNOWN: RECEIPT_KNOWN,
}
