"""Proof of payment (bukti pembayaran) in Bahasa Indonesia: for every payment that stands (Perdir 22/2022; domain.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.events.contributions import MonthCharge
from contracts.values import WIB, FundingSource
from services.payments.documents import words
from services.payments.documents.frame import Page

CHANNELS: Final = {
    "snap-va": "Virtual account",
    "qris-mpm": "QRIS",
    "settlement-file": "Berkas setelmen bank",
    "agent-balance": "Saldo agen Perisai",
}
"""What is not listed is shown as it is called."""
OUR_OWN: Final = ("match:", "share:", "difference:")
"""References that no bank gave: of money out of suspense and of a share of a collective bill. They tell a payer nothing."""
FUNDING: Final = {
    FundingSource.SELF: "Peserta sendiri",
    FundingSource.DONOR: "Donatur",
    FundingSource.EMPLOYER: "Pemberi kerja",
    FundingSource.STATE: "APBN",
    FundingSource.LOCAL_GOV: "APBD",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What every proof says: `partner` as it is called in the agreement with it."""

    payment_id: UUID
    partner: str
    channel: str
    channel_reference: str
    amount: int
    effective_at: datetime
    posted_at: datetime

    @property
    def number(self) -> str:
        """The number of the proof: day of posting (WIB) and the end of the payment's id."""
        return f"BP/{self.posted_at.astimezone(WIB):%Y%m%d}/{self.payment_id.hex[-12:].upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfParticipant:
    """`name` is None once the person is forgotten, `kpj` until the number was issued; `collective_code` when it is a share."""

    name: str | None
    kpj: str | None
    contribution_code: str
    funding_source: FundingSource
    months: tuple[MonthCharge, ...]
    collective_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCollective:
    """The whole of a collective bill."""

    code: str
    heads: int
    funding_source: FundingSource


@dataclass(frozen=True, slots=True, kw_only=True)
class OfDeposit:
    """A deposit to an agent's balance."""

    code: str


def proof(paid: Paid, of: OfParticipant | OfCollective | OfDeposit) -> bytes:
    """The PDF."""
    match of:
        case OfParticipant():
            return _of_participant(paid, of)
        case OfCollective():
            return _of_collective(paid, of)
        case OfDeposit():
            return _of_deposit(paid, of)


def _of_participant(paid: Paid, of: OfParticipant) -> bytes:
    page = Page("Bukti Pembayaran Iuran", paid.number)
    page.facts(
        [
            ("Nama peserta", of.name or ""),
            ("Nomor peserta (KPJ)", of.kpj or "dalam proses penerbitan"),
            ("Kode iuran", of.contribution_code),
            ("Bulan iuran", words.months([charge.month for charge in of.months])),
            *_how(paid),
            ("Sumber pembayaran", FUNDING[of.funding_source]),
            *([("Bagian dari tagihan kolektif", of.collective_code)] if of.collective_code else []),
        ]
    )
    page.table(
        ["Bulan iuran", "JKK", "JKM", "JHT", "Jumlah (Rp)"],
        [_row(charge) for charge in of.months],
        totals=_totals(of.months),
        widths=[3, 2, 2, 2, 2.4],
    )
    if any(charge.discounted for charge in of.months):
        page.note("* Iuran JKK dan JKM sudah disesuaikan (keringanan 50%, PP 50/2025).")
    if any(charge.credit for charge in of.months):
        page.note("Kredit: uang peserta yang sudah diterima sebelumnya dan dipakai untuk bulan-bulan ini.")
    page.note("JKK: Jaminan Kecelakaan Kerja. JKM: Jaminan Kematian. JHT: Jaminan Hari Tua.")
    return _finished(page)


def _row(charge: MonthCharge) -> list[str]:
    label = words.month(charge.month) + (" *" if charge.discounted else "")
    return [label, *map(words.number, (charge.jkk, charge.jkm, charge.jht, charge.total))]


def _totals(months: tuple[MonthCharge, ...]) -> list[list[str]]:
    """What the months cost, and where credit paid some of it, how much and what was left to pay: the amount of the payment."""
    sums = [sum(getattr(charge, part) for charge in months) for part in ("jkk", "jkm", "jht")]
    total, credit = sum(charge.total for charge in months), sum(charge.credit for charge in months)
    whole = ["Jumlah", *map(words.number, sums), words.number(total)]
    if not credit:
        return [whole]
    return [whole, _sum("Kredit yang dipakai", -credit), _sum("Jumlah dibayar", total - credit)]


def _sum(name: str, amount: int) -> list[str]:
    return [name, "", "", "", words.number(amount)]


def _of_collective(paid: Paid, of: OfCollective) -> bytes:
    page = Page("Bukti Pembayaran Iuran Kolektif", paid.number)
    page.facts(
        [
            ("Kode tagihan kolektif", of.code),
            ("Jumlah peserta", words.number(of.heads)),
            *_how(paid),
            ("Sumber pembayaran", FUNDING[of.funding_source]),
        ]
    )
    page.note("Setiap peserta dalam daftar mendapat bukti pembayarannya sendiri.")
    return _finished(page)


def _of_deposit(paid: Paid, of: OfDeposit) -> bytes:
    page = Page("Bukti Setoran Saldo Agen Perisai", paid.number)
    page.facts([("Kode setoran", of.code), *_how(paid)])
    page.note("Saldo adalah uang agen dan dipakai untuk pembayaran pertama peserta.")
    return _finished(page)


def _how(paid: Paid) -> list[tuple[str, str]]:
    own = paid.channel_reference.startswith(OUR_OWN)
    return [
        ("Jumlah dibayar", words.rupiah(paid.amount)),
        ("Kanal pembayaran", f"{CHANNELS.get(paid.channel, paid.channel)}, {paid.partner}"),
        *([] if own else [("Nomor referensi kanal", paid.channel_reference)]),
        ("Waktu pembayaran", words.instant(paid.effective_at)),
        ("Dibukukan", words.instant(paid.posted_at)),
        ("Nomor transaksi", str(paid.payment_id)),
    ]


def _finished(page: Page) -> bytes:
    page.note("Dokumen ini dibuat oleh sistem dan sah tanpa tanda tangan.")
    return page.pdf()
