"""Documents: what they say, that the same content is the same file, and that a link opens one document for its time alone."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from contracts.events.contributions import MonthCharge
from contracts.values import ContributionMonth, FundingSource, Rupiah
from services.payments.documents import words
from services.payments.documents.frame import Page
from services.payments.documents.links import Link, Links
from services.payments.documents.proof import OfCollective, OfDeposit, OfParticipant, Paid, proof
from tests.unit.payments.strategies import wib

KEY, OTHER = (hashlib.sha512(name).digest() for name in (b"one", b"two"))
DOCUMENT = UUID("0191d3c0-0000-7000-8000-3f2a91bc0d1e")
NOW = datetime(2025, 10, 6, 2, tzinfo=UTC)


def text(content: bytes) -> str:
    said = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return " ".join(said.split())


def paid(**changes: Any) -> Paid:
    facts: dict[str, Any] = {
        "payment_id": DOCUMENT,
        "partner": "Bank Contoh",
        "channel": "snap-va",
        "channel_reference": "REF-1",
        "amount": 65_200,
        "effective_at": wib(2026, 3, 31, 23, 59),
        "posted_at": wib(2026, 4, 1, 0, 0),
    }
    return Paid(**facts | changes)


def participant(**changes: Any) -> OfParticipant:
    def charge(month: int, jkk: int, jkm: int, discounted: bool) -> MonthCharge:
        return MonthCharge(
            month=ContributionMonth(2026, month),
            base=Rupiah(1_000_000),
            jkk=Rupiah(jkk),
            jkm=Rupiah(jkm),
            jht=Rupiah(20_000),
            discounted=discounted,
        )

    facts: dict[str, Any] = {
        "name": "Contoh Satu",
        "kpj": "10000000001",
        "contribution_code": "1000000000017",
        "funding_source": FundingSource.SELF,
        "months": (charge(3, 10_000, 6_800, False), charge(4, 5_000, 3_400, True)),
        "collective_code": None,
    }
    return OfParticipant(**facts | changes)


@pytest.mark.parametrize(
    ("channel", "shown"), [("qris-mpm", "QRIS, Bank Contoh"), ("settlement-file", "Berkas setelmen bank, Bank Contoh")]
)
def test_a_proof_calls_a_channel_by_a_name_that_a_payer_knows(channel: str, shown: str) -> None:
    assert shown in text(proof(paid(channel=channel), participant()))


@pytest.mark.parametrize("reference", [f"match:{DOCUMENT}", f"share:{DOCUMENT}:1"])
def test_a_proof_shows_no_reference_of_our_own_making(reference: str) -> None:
    found = text(proof(paid(channel_reference=reference), participant()))
    assert "Nomor referensi kanal" not in found
    assert reference[:6] not in found


def test_a_proof_says_who_paid_what_for_which_months_where_and_when() -> None:
    found = text(proof(paid(), participant()))
    for said in (
        "Bukti Pembayaran Iuran",
        "BP/20260401/3F2A91BC0D1E",
        "Contoh Satu",
        "10000000001",
        "1000000000017",
        "Maret 2026 – April 2026",
        "Rp65.200",
        "Virtual account, Bank Contoh",
        "REF-1",
        "31 Maret 2026, 23.59.00 WIB",
        "1 April 2026, 00.00.00 WIB",
        "Peserta sendiri",
        str(DOCUMENT),
    ):
        assert said in found, said
    assert "Maret 2026 10.000 6.800 20.000 36.800" in found
    assert "April 2026 * 5.000 3.400 20.000 28.400" in found
    assert "Jumlah 15.000 10.200 40.000 65.200" in found
    assert "kolektif" not in found


def test_a_proof_adds_up_where_credit_paid_some_of_it() -> None:
    march, april = participant().months
    months = (march.model_copy(update={"credit": Rupiah(8_400)}), april)
    found = text(proof(paid(amount=56_800), participant(months=months)))
    assert "Jumlah dibayar Rp56.800" in found
    assert "Jumlah 15.000 10.200 40.000 65.200 Kredit yang dipakai -8.400 Jumlah dibayar 56.800" in found
    assert "Kredit: uang peserta" in found
    assert "Kredit" not in text(proof(paid(), participant()))


def test_a_share_names_the_collective_bill_and_the_whole_says_for_how_many() -> None:
    share = text(proof(paid(), participant(collective_code="2000000000015", funding_source=FundingSource.DONOR)))
    assert "Bagian dari tagihan kolektif 2000000000015" in share
    assert "Donatur" in share
    whole = OfCollective(code="2000000000015", heads=10_000, funding_source=FundingSource.LOCAL_GOV)
    found = text(proof(paid(), whole))
    assert "Jumlah peserta 10.000" in found
    assert "APBD" in found
    assert "Kode setoran 3000000000014" in text(proof(paid(), OfDeposit(code="3000000000014")))


def test_a_forgotten_person_and_a_missing_number_leave_a_proof() -> None:
    found = text(proof(paid(), participant(name=None, kpj=None)))
    assert "dalam proses penerbitan" in found
    assert "Contoh" not in found.replace("Bank Contoh", "")


@pytest.mark.parametrize("name", ["<b>Budi</b> & Co", "O'Neil <script>", "Ni Luh \u00c9ka", "\u5409\u7965", "x" * 255])
def test_text_is_text(name: str) -> None:
    content = proof(paid(), participant(name=name))
    assert content.startswith(b"%PDF-")
    if name.isascii() and len(name) < 50:
        assert name in text(content)


def test_the_same_proof_is_the_same_file() -> None:
    assert proof(paid(), participant()) == proof(paid(), participant())


def test_a_long_table_goes_on_under_its_header() -> None:
    page = Page("Rekap", "R-1")
    page.table(["Nama", "Jumlah"], [[f"Baris {n}", words.number(n)] for n in range(200)])
    reader = PdfReader(io.BytesIO(page.pdf()))
    assert len(reader.pages) > 2
    for place, one in enumerate(reader.pages, start=1):
        assert "Nama" in one.extract_text()
        assert f"Halaman {place}" in one.extract_text()


@given(st.integers(-(10**12), 10**12))
def test_sums_are_whole_rupiah_with_points(amount: int) -> None:
    said = words.rupiah(amount)
    assert int(said.replace("Rp", "").replace(".", "")) == amount


class TestLinks:
    def test_a_link_opens_its_document_until_it_ends(self) -> None:
        links = Links(KEY)
        link = links.sign("proof", DOCUMENT, NOW + timedelta(days=1))
        assert links.holds("proof", DOCUMENT, link, NOW)
        assert links.holds("proof", DOCUMENT, link, NOW + timedelta(days=1, seconds=-1))
        assert not links.holds("proof", DOCUMENT, link, NOW + timedelta(days=1))

    def test_nothing_of_it_can_be_changed(self) -> None:
        links = Links(KEY)
        link = links.sign("proof", DOCUMENT, NOW + timedelta(days=1))
        assert not links.holds("statement", DOCUMENT, link, NOW)
        assert not links.holds("proof", UUID(int=DOCUMENT.int + 1), link, NOW)
        assert not links.holds("proof", DOCUMENT, Link(link.expires + 1, link.signature), NOW)
        assert not Links(OTHER).holds("proof", DOCUMENT, link, NOW)

    @given(st.text(max_size=60))
    def test_no_other_signature_opens_it(self, signature: str) -> None:
        links = Links(KEY)
        link = links.sign("proof", DOCUMENT, NOW + timedelta(days=1))
        assert links.holds("proof", DOCUMENT, Link(link.expires, signature), NOW) == (signature == link.signature)
