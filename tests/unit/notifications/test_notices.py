from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import services.notifications
from contracts.event import Event
from contracts.events.contributions import BillKind
from contracts.events.participants import (
    GraceEntered,
    LapseKind,
    ParticipationLapsed,
    ProtectionExtended,
    RegistrationExpired,
)
from contracts.values import ContributionMonth, Language, PaymentId, Rupiah
from services.notifications.domain.notices import notice_of
from services.notifications.texts import Texts, Unrenderable

from .samples import NOW, OCTOBER, QUEUED_BY, SITI, billed, protection_started, registered

TEMPLATES = Path(services.notifications.__path__[0]) / "templates"
CODE = {"contribution_code": "8810000000019"}
EXTENDED = ProtectionExtended(
    participant_id=SITI,
    spell=1,
    payment_id=PaymentId(QUEUED_BY),
    amount=Rupiah(73_600),
    effective_at=NOW,
    months=(OCTOBER + 1, OCTOBER + 2),
    paid_through=OCTOBER + 2,
)
GRACE = GraceEntered(participant_id=SITI, paid_through=OCTOBER)
LAPSED = ParticipationLapsed(participant_id=SITI, spell=1, paid_through=OCTOBER, kind=LapseKind.LAPSED)


def test_the_end_of_grace_is_that_of_the_event() -> None:
    notice = notice_of(GRACE.model_copy(update={"grace_months": 1}), NOW)
    assert notice is not None
    assert notice.values["grace_until"] == "2025-11-30"


def test_nobody_is_told_of_arrears_that_heirs_pay() -> None:
    assert notice_of(EXTENDED.model_copy(update={"after_death": True}), NOW) is None


def text(event: Event, language: Language) -> str:
    notice = notice_of(event, NOW)
    assert notice is not None
    return Texts().render(notice.template, notice.version, language, {**CODE, **notice.values}, name="Siti Contoh")


@pytest.mark.parametrize(
    ("event", "indonesian", "english"),
    [
        (
            billed(),
            "Halo Siti Contoh, pendaftaran BPJS Ketenagakerjaan (BPU) Anda sudah kami terima. Kode iuran:"
            " 8810000000019."
            " Bayar Rp36.800 untuk Oktober 2025 paling lambat 31 Oktober 2025. Perlindungan dimulai setelah"
            " pembayaran diterima.",
            "Hello Siti Contoh, we have received your registration with BPJS Ketenagakerjaan (BPU). Payment"
            " code: 8810000000019."
            " Pay Rp36,800 for October 2025 by 31 October 2025. Protection starts once the payment is received.",
        ),
        (
            protection_started(),
            "Halo Siti Contoh, pembayaran Rp36.800 untuk Oktober 2025 sudah kami terima."
            " Anda terlindungi sampai 31 Oktober 2025. Nomor peserta (KPJ): 25100000017.",
            "Hello Siti Contoh, we have received your payment of Rp36,800 for October 2025."
            " You are protected until 31 October 2025. Participant number (KPJ): 25100000017.",
        ),
        (
            EXTENDED,
            "Halo Siti Contoh, pembayaran Rp73.600 untuk November 2025 – Desember 2025 sudah kami terima."
            " Anda terlindungi sampai 31 Desember 2025.",
            "Hello Siti Contoh, we have received your payment of Rp73,600 for November 2025 – December 2025."
            " You are protected until 31 December 2025.",
        ),
        (
            GRACE,
            "Halo Siti Contoh, iuran BPJS Ketenagakerjaan Anda terbayar sampai 31 Oktober 2025. Tunggakan"
            " dapat dibayar"
            " paling lambat 31 Januari 2026 dengan kode iuran 8810000000019, agar kepesertaan Anda tidak berakhir.",
            "Hello Siti Contoh, your BPJS Ketenagakerjaan contributions are paid until 31 October 2025. What"
            " is owed can be"
            " paid by 31 January 2026 with payment code 8810000000019, so that your participation does not end.",
        ),
        (
            LAPSED,
            "Halo Siti Contoh, kepesertaan BPJS Ketenagakerjaan Anda berakhir karena iuran setelah 31 Oktober"
            " 2025 tidak"
            " dibayar. Hubungi agen Perisai atau kantor cabang untuk aktif kembali; kode iuran Anda 8810000000019.",
            "Hello Siti Contoh, your participation in BPJS Ketenagakerjaan has ended because nothing was paid"
            " after 31 October"
            " 2025. Ask your Perisai agent or branch office to become active again; your payment code is"
            " 8810000000019.",
        ),
    ],
    ids=lambda value: value.type if isinstance(value, Event) else "",
)
def test_the_message_in_both_languages(event: Event, indonesian: str, english: str) -> None:
    assert text(event, Language.INDONESIAN) == indonesian
    assert text(event, Language.ENGLISH) == english


@pytest.mark.parametrize(
    "event",
    [
        billed(kind=BillKind.STANDARD),
        billed(kind=BillKind.REACTIVATION),
        registered(),
        RegistrationExpired(participant_id=SITI),
    ],
)
def test_other_events_are_not_told(event: Event) -> None:
    assert notice_of(event, NOW) is None


@pytest.mark.parametrize(
    ("event", "not_after"),
    [
        (billed(), datetime(2025, 10, 31, 17, tzinfo=UTC)),  # the bill's own end
        (protection_started(), NOW + timedelta(days=7)),
        (EXTENDED, NOW + timedelta(days=7)),
        (GRACE, datetime(2025, 11, 30, 17, tzinfo=UTC)),  # the end of the first grace month
        (LAPSED, NOW + timedelta(days=7)),
    ],
    ids=lambda value: value.type if isinstance(value, Event) else "",
)
def test_a_notice_is_worth_sending_until(event: Event, not_after: datetime) -> None:
    notice = notice_of(event, NOW)
    assert notice is not None
    assert notice.not_after == not_after


def test_months_of_a_bill_are_named_from_first_to_last_in_any_order() -> None:
    bill = billed(months=3)
    notice = notice_of(bill.model_copy(update={"months": tuple(reversed(bill.months))}), NOW)
    assert notice is not None
    assert (notice.values["first_month"], notice.values["last_month"]) == ("2025-10", "2025-12")


def test_every_template_exists_in_both_languages() -> None:
    for folder in TEMPLATES.iterdir():
        versions = {file.name.split(".")[0] for file in folder.iterdir()}
        assert {file.name for file in folder.iterdir()} == {f"{v}.{lang}.txt" for v in versions for lang in Language}


def test_a_missing_value_is_an_error_and_never_a_blank() -> None:
    with pytest.raises(Unrenderable, match="welcome version 1 in id: UndefinedError"):
        Texts().render("welcome", 1, Language.INDONESIAN, CODE, name="Siti Contoh")


def test_a_version_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(Unrenderable, match="welcome version 99 in en: TemplateNotFound"):
        Texts().render("welcome", 99, Language.ENGLISH, CODE, name="Siti Contoh")


def test_a_name_is_text_and_never_a_template() -> None:
    notice = notice_of(protection_started(), NOW)
    assert notice is not None
    rendered = Texts().render("protection_started", 1, Language.ENGLISH, notice.values, name="{{ 7 * 7 }} & <b>")
    assert rendered.startswith("Hello {{ 7 * 7 }} & <b>, ")


def test_a_single_month_far_ahead_is_named_in_words() -> None:
    extended = EXTENDED.model_copy(
        update={"months": (ContributionMonth(2027, 3),), "paid_through": ContributionMonth(2027, 3)}
    )
    assert "untuk Maret 2027 sudah" in text(extended, Language.INDONESIAN)
