from __future__ import annotations

from dataclasses import replace

from contracts.events.contributions import PartnerDisabled, PartnerEnabled, RepeatProfile, SignatureMode, Strictness
from services.payments.domain.partners import CannotChange, Partner, disable, enable, rotate

BANK = Partner(
    partner="bank-a",
    name="Bank A",
    client_key="client-a",
    partner_ids=("81001",),
    va_prefixes=("8100",),
    public_keys=("pem",),
    signature_mode=SignatureMode.SYMMETRIC,
    repeat_profile=RepeatProfile.SPEC,
    strictness=Strictness(),
)
ENDED = replace(BANK, disabled_for="contract_ended")


def test_a_name_and_a_client_key_belong_to_one_partner() -> None:
    assert isinstance(enable([], BANK), PartnerEnabled)
    assert enable([BANK], BANK) is CannotChange.EXISTS
    assert enable([BANK], replace(BANK, partner="bank-b")) is CannotChange.EXISTS
    assert isinstance(enable([BANK], replace(BANK, partner="bank-b", client_key="b")), PartnerEnabled)


def test_the_client_key_of_a_disabled_partner_stays_its_own() -> None:
    assert isinstance(enable([ENDED], BANK), PartnerEnabled)
    assert enable([ENDED], replace(BANK, partner="bank-b")) is CannotChange.EXISTS


def test_only_an_enabled_partner_gets_new_keys() -> None:
    assert rotate(None, ("new",)) is CannotChange.UNKNOWN
    assert rotate(ENDED, ("new",)) is CannotChange.DISABLED
    rotated = rotate(BANK, ("new",))
    assert not isinstance(rotated, CannotChange) and rotated.public_keys == ("new",)


def test_disabling_twice_is_one_event() -> None:
    assert isinstance(disable(BANK, "x"), PartnerDisabled)
    assert disable(ENDED, "x") is None
    assert disable(None, "x") is CannotChange.UNKNOWN
