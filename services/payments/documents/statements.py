"""What stands on an incentive statement, in both languages, whatever the form: titles, facts, tables of text and whole numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from contracts.values import WIB, ContributionMonth
from services.payments.documents.words import day
from services.payments.domain.incentives.heads import NoHeadPay

Cell = str | int | None
BPS_PER_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` are headings in both languages; a whole number is shown as rupiah or a count."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Statement:
    """A document: `facts` are pairs of a label and its value, `sums` the figures that the rest explains."""

    title: str
    facts: Sequence[tuple[str, str]]
    sums: Table
    tables: Sequence[Table]
    note: str


NOTE = (
    "Jumlah dalam rupiah, sebelum pajak kecuali disebut lain. Dibayarkan kepada Wadah. "
    "Pernyataan ini tidak diubah; koreksi muncul pada pernyataan bulan berikutnya. / "
    "Whole rupiah, before tax unless said otherwise. Paid to the Wadah. "
    "This statement is never edited; corrections come with a later month."
)


def of_agent(
    found: Mapping[Any, Any],
    adjustments: Iterable[Mapping[Any, Any]],
    lines: Sequence[Mapping[Any, Any]],
    events: Mapping[UUID, UUID],
) -> Statement:
    """An agent's month. `events`: payment → the event that posted it. Participants stand by number, never by NIK."""
    return Statement(
        title="Pernyataan Insentif Agen / Agent's incentive statement",
        facts=[*_facts(found), ("Agen / Agent", found["code"]), ("Sidik / Fingerprint", found["fingerprint"])],
        sums=_sums_of_agent(found),
        tables=[_adjusted(adjustments), _acquired(lines, events), _received(lines, events)],
        note=NOTE,
    )


def of_wadah(
    found: Mapping[Any, Any], adjustments: Iterable[Mapping[Any, Any]], agents: Iterable[Mapping[Any, Any]]
) -> Statement:
    """A Wadah's month, with one line per agent."""
    return Statement(
        title="Pernyataan Insentif Wadah / Incentive statement of the Wadah",
        facts=[*_facts(found), ("Dibayar paling lambat / Paid by", _last_day(found["pay_by"])), *_target(found)],
        sums=_sums_of_wadah(found),
        tables=[
            Table(
                "Koreksi bagian Wadah / Corrections of the share",
                ("Bulan / Month", "Sebelum / Before", "Sesudah / After", "Selisih / Difference"),
                [(a["month"], a["before"], a["share"], a["share"] - a["before"]) for a in adjustments],
            ),
            Table(
                "Agen / Agents",
                (
                    "Agen / Agent",
                    "Akuisisi / New",
                    "Iuran / Received",
                    "Insentif / Earned",
                    "Koreksi / Corrections",
                    "Dibayar / Payable",
                ),
                [
                    (a["code"], a["acquisitions"], a["received"], a["agent"], a["adjusted"], a["payable"])
                    for a in agents
                ],
            ),
        ],
        note=NOTE,
    )


def _target(found: Mapping[Any, Any]) -> list[tuple[str, str]]:
    """What was reached beside what was agreed; nothing where no target was."""
    target = found["monthly_target"]
    if target is None:
        return []
    below = (
        f", {found['months_below']} bulan berturut-turut di bawah / months in a row below"
        if found["months_below"]
        else ""
    )
    return [("Akuisisi dari target / New of the target", f"{found['acquisitions']} / {target}{below}")]


def _facts(found: Mapping[Any, Any]) -> list[tuple[str, str]]:
    return [
        ("Wadah", found["wadah"]),
        ("Nomor PKS / Agreement", found["agreement_number"]),
        ("Bulan / Month", found["month"]),
        *_without_agreement(found),
        *_left_out(found),
        ("Skema / Scheme", found["scheme"]),
        ("Aturan / Rules", found["rules"]),
        ("Diterbitkan / Issued", f"{found['issued_at'].astimezone(WIB):%Y-%m-%d %H:%M} WIB"),
        ("Peristiwa / Event", str(found["event_id"])),
    ]


def _without_agreement(found: Mapping[Any, Any]) -> list[tuple[str, str]]:
    """Why a month brings nothing."""
    if not found["without_agreement"]:
        return []
    why = "Tidak ada PKS yang berlaku pada bulan ini: tidak ada insentif / No agreement in force in this month: nothing is earned"
    return [("Perhatian / Note", why)]


def _left_out(found: Mapping[Any, Any]) -> list[tuple[str, str]]:
    """What a count by hand has too much, where the agreement ended with the month (decision 232)."""
    ends: date = found["agreement_ends"]
    if found["without_agreement"] or ContributionMonth(ends.year, ends.month) > ContributionMonth.parse(found["month"]):
        return []
    why = (
        f"PKS berakhir {ends}: iuran di muka untuk bulan sesudahnya baru dihitung bila ada PKS berikutnya, sebagai koreksi / "
        f"The agreement ended on {ends}: months after it that were paid in advance count once another follows, as a correction"
    )
    return [("Perhatian / Note", why)]


def _sums_of_agent(found: Mapping[Any, Any]) -> Table:
    return Table(
        "Ringkasan / Summary",
        ("Uraian / Item", "Rupiah"),
        [
            (f"Akuisisi / Acquisitions: {found['acquisitions']}", found["acquisition_pay"]),
            (f"Insentif iuran / On contributions of Rp{rupiah(found['received'])}", found["contribution_pay"]),
            ("Bagian Wadah dipotong / Carved out for the Wadah", -found["carved"]),
            ("Insentif bulan ini / Earned this month", found["agent"]),
            ("Koreksi bulan lalu / Corrections of earlier months", found["adjusted"]),
            ("Saldo dari bulan lalu / Balance carried in", found["carried_in"]),
            ("Dibayar kepada Wadah / Payable to the Wadah", found["payable"]),
            ("Saldo ke bulan depan / Balance carried on", found["carried_out"]),
        ],
    )


def _sums_of_wadah(found: Mapping[Any, Any]) -> Table:
    tax = f"{found['tax_bps'] // BPS_PER_PERCENT}.{found['tax_bps'] % BPS_PER_PERCENT:02d}%"
    return Table(
        "Ringkasan / Summary",
        ("Uraian / Item", "Rupiah"),
        [
            (f"Insentif {found['agents']} agen / Pay of the agents", found["agents_payable"]),
            ("Bagian Wadah bulan ini / Share of the Wadah", found["share"]),
            ("Koreksi bulan lalu / Corrections of earlier months", found["adjusted"]),
            ("Saldo dari bulan lalu / Balance carried in", found["carried_in"]),
            ("Jumlah sebelum pajak / Before tax", found["gross"]),
            (f"Pajak dipotong / Tax withheld ({tax})", -found["tax"]),
            (_payout(found), found["payout"]),
            ("Saldo ke bulan depan / Balance carried on", found["carried_out"]),
        ],
    )


def _payout(found: Mapping[Any, Any]) -> str:
    """Nothing is called paid before a bank's own statement says so."""
    if found["paid_on"] is None:
        return "Untuk dibayarkan / To be paid"
    return f"Dibayarkan pada / Paid out on {found['paid_on']}"


def _adjusted(adjustments: Iterable[Mapping[Any, Any]]) -> Table:
    return Table(
        "Koreksi bulan lalu / Corrections of earlier months",
        ("Bulan / Month", "Sebelum / Before", "Sesudah / After", "Selisih / Difference", "Sebab / Reason"),
        [(a["month"], a["before"], a["agent"], a["agent"] - a["before"], a["reason"]) for a in adjustments],
    )


_WHY_NOTHING = {
    NoHeadPay.THRESHOLD_NOT_MET: "di bawah ambang / below threshold",
    NoHeadPay.FLAT: "sekali sebulan / once a month",
}


def _acquired(lines: Iterable[Mapping[Any, Any]], events: Mapping[UUID, UUID]) -> Table:
    return Table(
        "Akuisisi / Acquisitions",
        (
            "No",
            "Bulan / Month",
            "Nomor peserta / Participant",
            "JHT",
            "+/−",
            "Per orang / Per head",
            "Rupiah",
            "Sebab / Reason",
            "Peristiwa / Event",
        ),
        [
            (
                line["line"],
                line["month"],
                line["participant_number"],
                "ya / yes" if line["with_jht"] else "tidak / no",
                _sign(line),
                line["per_head"],
                line["pay"],
                _WHY_NOTHING.get(line["pay_reason"], ""),
                _event(line, events),
            )
            for line in lines
            if line["with_jht"] is not None
        ],
    )


def _received(lines: Iterable[Mapping[Any, Any]], events: Mapping[UUID, UUID]) -> Table:
    return Table(
        "Iuran diterima / Contributions received",
        (
            "No",
            "Bulan / Month",
            "Nomor peserta / Participant",
            "Iuran / For",
            "k",
            "bps",
            "Rupiah",
            "Peristiwa / Event",
        ),
        [
            (
                line["line"],
                line["month"],
                line["participant_number"],
                line["contribution_month"],
                line["k"],
                line["bps"],
                line["sign"] * line["received"],
                _event(line, events),
            )
            for line in lines
            if line["with_jht"] is None
        ],
    )


def _sign(line: Mapping[Any, Any]) -> str:
    return "+" if line["sign"] > 0 else "−"


def _event(line: Mapping[Any, Any], events: Mapping[UUID, UUID]) -> str:
    return str(events.get(line["payment_id"], line["payment_id"]))


def _last_day(end: datetime) -> str:
    """The WIB day whose end this is."""
    return day(end - timedelta(microseconds=1))


def rupiah(amount: int) -> str:
    """1026000 → "1.026.000", as Indonesians write it."""
    return f"{amount:,}".replace(",", ".")
