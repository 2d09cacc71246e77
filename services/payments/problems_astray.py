"""What is refused about money that went astray or leaves, with what to do about it in both languages."""

from __future__ import annotations

from chassis.problems import ProblemType
from services.payments.domain.orders import CannotClose, CannotOrder
from services.payments.domain.payees import CannotVerify
from services.payments.domain.proposals import CannotDecide
from services.payments.domain.resolving import CannotDo, Refused
from services.payments.domain.settlement.cases import NotYetVoid
from services.payments.problems import CASE_STATUS_NOT_ASKED

NOTHING_THERE = ProblemType(
    "nothing_there",
    409,
    "Tidak ada dana titipan, pembayaran, atau pengembalian yang dapat diproses di sini. Muat ulang daftar perkara.",
    "There is no money in suspense, no payment and no refund to act on here. Reload the list of cases.",
)
MORE_THAN_HELD = ProblemType(
    "more_than_held",
    409,
    "Jumlah itu melebihi dana titipan yang masih menunggu. Usulkan paling banyak sebesar sisanya.",
    "That is more than still waits in suspense. Propose at most what is left.",
)
WITHDRAWAL_ABOVE_BALANCE = ProblemType(
    "withdrawal_above_balance",
    409,
    "Saldo Perisai lebih kecil dari jumlah itu, atau kosong. Usulkan paling banyak sebesar saldonya.",
    "The agent's balance is lower than that, or empty. Propose at most what is in it.",
)
BILL_NOT_PAYABLE = ProblemType(
    "bill_not_payable",
    409,
    "Tagihan ini tidak dapat dibayar dengan uang ini. Terbitkan tagihan baru, lalu usulkan lagi.",
    "This bill cannot be paid with this money. Issue a new bill, then propose again.",
)
BILL_OF_ANOTHER_AMOUNT = ProblemType(
    "bill_of_another_amount",
    409,
    "Jumlah yang diusulkan harus sama dengan jumlah tagihan atau pengembalian itu.",
    "The proposed amount must be exactly that of the bill or of the refund.",
)
ACCOUNT_NOT_ALLOWED = ProblemType(
    "account_not_allowed",
    422,
    "Uang ini hanya dapat dipindahkan ke akun fees: milik mitra yang menerimanya.",
    "This money may only be assigned to the fees: account of the partner that took it.",
)
ALREADY_TAKEN_BACK = ProblemType(
    "already_taken_back",
    409,
    "Pembayaran ini sudah ditarik dari tagihannya. Tidak ada yang perlu dilakukan lagi.",
    "This payment was taken off its bill already. There is nothing more to do.",
)
PARTLY_USED = ProblemType(
    "partly_used",
    409,
    "Sebagian uang ini sudah dipakai atau dikembalikan, sehingga tidak dapat dibatalkan seluruhnya.",
    "Some of this money was used or given back, so it cannot be voided as a whole.",
)
ALREADY_ORDERED = ProblemType(
    "already_ordered",
    409,
    "Perintah transfer untuk ini sudah ada. Tunggu konfirmasinya, atau catat kegagalannya dahulu.",
    "A transfer order for this is in force. Wait for its confirmation, or record its failure first.",
)
CREDIT_NOT_USABLE = ProblemType(
    "credit_not_usable",
    409,
    "Peserta ini tidak sedang berjalan kepesertaannya, sehingga kredit tidak akan terpakai. Gunakan MATCH untuk tagihannya, atau RETURN.",
    "The participation of this person is not running, so no bill would use the credit. MATCH it to a bill of theirs, or RETURN it.",
)
PART_OF_A_WHOLE = ProblemType(
    "part_of_a_whole",
    409,
    "Ini bagian dari pembayaran tagihan kolektif. Usulkan VOID untuk pembayaran seluruh tagihan itu (payment_id).",
    "This is a share of the payment of a collective bill. Propose VOID for the payment of that whole bill (payment_id).",
)
CAME_OUT_OF_SUSPENSE = ProblemType(
    "came_out_of_suspense",
    409,
    "Pembayaran ini dibayar dari dana titipan, sehingga tidak ada berkas mitra yang memuatnya (payment_id). Usulkan VOID untuk dana titipan asalnya.",
    "This payment was made out of money in suspense, so no partner's file has it (payment_id). Propose VOID for the receipt it was made of.",
)
NOT_OFFERED = ProblemType(
    "not_offered",
    409,
    "Tindakan ini tidak berlaku untuk uang ini. Pilih tindakan lain.",
    "This action does not apply to this money. Choose another one.",
)
PAYEE_NOT_VERIFIED = ProblemType(
    "payee_not_verified",
    409,
    "Rekening tujuan belum diperiksa orang kedua, atau sudah tidak dipakai. Minta pemeriksaan dahulu.",
    "The payee account was not verified by a second person, or is retired. Have it verified first.",
)
WRONG_PAYEE = ProblemType(
    "wrong_payee",
    409,
    "Rekening tujuan ini bukan milik yang berhak atas uang ini. Pilih rekening lain.",
    "This payee account is not that of whoever the money belongs to. Choose another account.",
)
SAME_PERSON = ProblemType(
    "same_person",
    409,
    "Yang memutuskan harus orang lain daripada yang mengusulkan atau mencatat. Minta rekan yang berwenang.",
    "Whoever decides must be another person than the one who proposed or recorded it. Ask an authorised colleague.",
)
PROPOSAL_DECIDED = ProblemType(
    "proposal_decided",
    409,
    "Usulan ini sudah diputuskan oleh {by}. Muat ulang daftar usulan.",
    "This proposal was decided already, by {by}. Reload the list of proposals.",
)
ANOTHERS_PROPOSAL = ProblemType(
    "anothers_proposal",
    409,
    "Hanya pengusul yang dapat menarik usulannya. Tolak usulan ini bila Anda pemeriksanya.",
    "Only its maker can withdraw a proposal. Refuse it if you are the one to decide.",
)
PAYEE_VERIFIED = ProblemType(
    "payee_account_verified",
    409,
    "Rekening tujuan ini sudah diperiksa oleh {by}; bukti Anda tidak dicatat. Muat ulang rekening itu.",
    "This payee account was verified already, by {by}; your evidence was not noted. Reload the account.",
)
PAYEE_RETIRED = ProblemType(
    "payee_account_retired",
    409,
    "Rekening tujuan ini sudah tidak dipakai. Catat rekening yang baru.",
    "This payee account is retired. Record a new one.",
)
ORDER_CONFIRMED = ProblemType(
    "order_confirmed",
    409,
    "Transfer ini sudah dikonfirmasi. Tidak dapat diubah lagi.",
    "This transfer is confirmed. It cannot be changed any more.",
)
ORDER_FAILED = ProblemType(
    "order_failed",
    409,
    "Transfer ini sudah dicatat gagal. Usulkan perintah yang baru.",
    "This transfer was recorded as failed. Propose a new order.",
)
UNKNOWN_ORDER = ProblemType(
    "unknown_order",
    404,
    "Perintah transfer ini tidak ditemukan. Periksa kembali nomornya.",
    "There is no such transfer order. Check its number.",
)
UNKNOWN_PROPOSAL = ProblemType(
    "unknown_proposal",
    404,
    "Usulan ini tidak ditemukan. Periksa kembali nomornya.",
    "There is no such proposal. Check its number.",
)
UNKNOWN_PAYEE = ProblemType(
    "unknown_payee_account",
    404,
    "Rekening tujuan ini tidak ditemukan. Periksa kembali nomornya.",
    "There is no such payee account. Check its number.",
)
PAID_IN_FUTURE = ProblemType(
    "paid_on_in_future",
    422,
    "paid_on belum terjadi. Catat hari rekening kita didebit, menurut mutasi bank.",
    "paid_on has not come yet. Give the day on which our account was debited, as the bank's statement says.",
)
PAID_BEFORE_ORDER = ProblemType(
    "paid_on_before_order",
    422,
    "paid_on lebih awal dari hari perintah transfer ini dibuat. Periksa tanggalnya, atau perintah mana yang dibayar.",
    "paid_on lies before the day of this order. Check the day, or which order was paid.",
)
UNKNOWN_PARTNER = ProblemType(
    "unknown_partner",
    422,
    "Mitra ini tidak terdaftar. Sebut bank tempat rekening kita didebit.",
    "There is no such partner. Name the bank whose account of ours was debited.",
)

NOT_MISSING = ProblemType(
    "not_missing_at_bank",
    409,
    "Berkas mitra untuk hari pembayaran ini belum masuk, atau mitra punya pembayaran ini. Tunggu perkara missing_at_bank dari berkas itu.",
    "The partner's file of this payment's day is not in yet, or the partner has the payment. Wait for its case missing_at_bank.",
)
FILE_AWAITED = ProblemType(
    "settlement_file_awaited",
    409,
    "Mitra masih dapat memuat pembayaran ini di berkas berikutnya. Batalkan setelah satu berkas lagi selesai dicocokkan.",
    "The partner may still list this payment in its next file. Void it once one more file was reconciled.",
)

DOING_PROBLEMS: dict[Refused, ProblemType] = {
    CannotDo.NOTHING_THERE: NOTHING_THERE,
    CannotDo.BALANCE_TOO_LOW: WITHDRAWAL_ABOVE_BALANCE,
    CannotDo.MORE_THAN_HELD: MORE_THAN_HELD,
    CannotDo.BILL_NOT_PAYABLE: BILL_NOT_PAYABLE,
    CannotDo.WRONG_AMOUNT: BILL_OF_ANOTHER_AMOUNT,
    CannotDo.ACCOUNT_NOT_ALLOWED: ACCOUNT_NOT_ALLOWED,
    CannotDo.ALREADY_TAKEN_BACK: ALREADY_TAKEN_BACK,
    CannotDo.PARTLY_USED: PARTLY_USED,
    CannotDo.PART_OF_A_WHOLE: PART_OF_A_WHOLE,
    CannotDo.CAME_OUT_OF_SUSPENSE: CAME_OUT_OF_SUSPENSE,
    CannotDo.ORDERED: ALREADY_ORDERED,
    CannotDo.NO_NEXT_BILL: CREDIT_NOT_USABLE,
    CannotDo.NOT_OFFERED: NOT_OFFERED,
    CannotOrder.ORDERED_OTHERWISE: ALREADY_ORDERED,
    CannotOrder.PAYEE_NOT_VERIFIED: PAYEE_NOT_VERIFIED,
    CannotOrder.WRONG_PAYEE: WRONG_PAYEE,
    NotYetVoid.NOT_MISSING: NOT_MISSING,
    NotYetVoid.STATUS_NOT_ASKED: CASE_STATUS_NOT_ASKED,
    NotYetVoid.FILE_AWAITED: FILE_AWAITED,
}
DECIDING_PROBLEMS = {
    CannotDecide.UNKNOWN: UNKNOWN_PROPOSAL,
    CannotDecide.DECIDED: PROPOSAL_DECIDED,
    CannotDecide.SAME_PERSON: SAME_PERSON,
    CannotDecide.ANOTHERS: ANOTHERS_PROPOSAL,
}
CLOSING_PROBLEMS = {
    CannotClose.UNKNOWN: UNKNOWN_ORDER,
    CannotClose.CONFIRMED: ORDER_CONFIRMED,
    CannotClose.FAILED: ORDER_FAILED,
    CannotClose.PAID_IN_FUTURE: PAID_IN_FUTURE,
    CannotClose.PAID_BEFORE_ORDER: PAID_BEFORE_ORDER,
}
VERIFYING_PROBLEMS = {
    CannotVerify.UNKNOWN: UNKNOWN_PAYEE,
    CannotVerify.SAME_PERSON: SAME_PERSON,
    CannotVerify.RETIRED: PAYEE_RETIRED,
    CannotVerify.VERIFIED: PAYEE_VERIFIED,
}
