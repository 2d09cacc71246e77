"""What is refused of collective bills, balances and cash in hand, with what to do about it in both languages."""

from __future__ import annotations

from chassis.problems import ProblemType

COLLECTIVE_BILL_ENDED = ProblemType(
    "collective_bill_ended",
    409,
    "Tagihan kolektif ini sudah berakhir ({status}), tidak dapat dibatalkan. Terbitkan tagihan baru bila perlu.",
    "This collective bill has ended ({status}) and cannot be cancelled. Issue a new one if needed.",
)
BALANCE_NOT_OPENED = ProblemType(
    "balance_not_opened",
    409,
    "Agen ini belum punya saldo Perisai. Minta kode setoran lewat POST /agent-balances lalu setor.",
    "This agent has no balance yet. Get a deposit code by POST /agent-balances and deposit.",
)
NOT_A_FIRST_BILL = ProblemType(
    "not_a_first_bill",
    409,
    "Saldo agen hanya untuk pembayaran pertama peserta. Bayar tagihan ini lewat bank atau kanal lain.",
    "An agent's balance is for a participant's first payment only. Pay this bill at a bank or another channel.",
)
BALANCE_TOO_LOW = ProblemType(
    "balance_too_low",
    409,
    "Saldo agen tidak cukup: kurang Rp{missing}. Setor dahulu ke kode setoran lalu ulangi.",
    "The agent's balance is too low by Rp{missing}. Deposit to the deposit code first, then try again.",
)
LINK_NOT_VALID = ProblemType(
    "link_not_valid",
    403,
    "Tautan ini tidak sah atau sudah kedaluwarsa. Minta tautan baru kepada agen atau kantor cabang.",
    "This link is not valid or has expired. Ask your agent or the branch office for a new one.",
)
NOT_PAID_YET = ProblemType(
    "not_paid_yet",
    409,
    "Tagihan ini belum dibayar, jadi belum ada bukti pembayaran. Minta lagi setelah dibayar.",
    "This bill is not paid, so there is no proof of payment yet. Ask again once it is.",
)
PAYMENT_TAKEN_BACK = ProblemType(
    "payment_taken_back",
    409,
    "Pembayaran ini tidak lagi berlaku untuk tagihannya, jadi tidak ada bukti pembayaran. Hubungi kantor cabang.",
    "This payment does not settle its bill any more, so there is no proof of it. Ask the branch office.",
)

NO_CASH_IN_HAND = ProblemType(
    "no_cash_in_hand",
    409,
    "Anda tidak memegang uang tunai untuk tagihan itu. Periksa daftar uang tunai Anda.",
    "You have no cash in hand for that bill. Check the list of your cash.",
)

HEAD_UNKNOWN = (
    "unknown_participant",
    "Peserta ini tidak ditemukan di wilayah Anda. Periksa nomornya atau hapus barisnya.",
    "This participant was not found within your scope. Check the number or remove the line.",
)
HEAD_TWICE = (
    "listed_twice",
    "Peserta ini sudah ada di daftar. Hapus salah satu barisnya.",
    "This participant is on the list already. Remove one of the lines.",
)
BEFORE_IT_WAS_TAKEN = (
    "before_it_was_taken",
    "Uang tidak dapat dikembalikan sebelum diterima. Kirim waktu sesudah penerimaannya.",
    "Cash cannot be given back before it was taken. Send a time after that.",
)
IN_THE_FUTURE = (
    "in_the_future",
    "Waktu ini belum tiba. Kirim waktu yang sudah lewat.",
    "This time has not come yet. Send one that has passed.",
)
