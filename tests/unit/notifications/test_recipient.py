from __future__ import annotations

from contracts.events.notifications import Channel, Contact
from services.notifications.domain.recipient import decide_added, evolve

from .samples import BRANCH, SITI_CONTACT, envelope, person, recipient, registered


def test_a_registered_person_becomes_a_recipient_in_the_scope_of_the_registration() -> None:
    event = decide_added(None, registered(person=person()))
    assert event is not None
    assert evolve(None, envelope(event), event) == recipient()
    assert evolve(None, envelope(event), event).branch_id == BRANCH


def test_the_copy_holds_name_and_contact_only() -> None:
    event = decide_added(None, registered(person=person()))
    assert event is not None
    assert event.contact.value == SITI_CONTACT
    assert "3671014101900001" not in repr(event)


def test_a_known_recipient_is_not_added_again() -> None:
    assert decide_added(recipient(), registered(person=person())) is None


def test_a_forgotten_person_is_noted_without_a_contact() -> None:
    event = decide_added(None, registered(person=None))
    assert event is not None
    blank = evolve(None, envelope(event), event)
    assert blank.contact is None
    assert blank.address(Channel.SMS) is None


def test_the_address_depends_on_the_channel() -> None:
    siti = recipient(contact=Contact(name="Siti Contoh", phone="+6281200000001", email="siti@contoh.id"))
    assert siti.address(Channel.SMS) == siti.address(Channel.WHATSAPP) == "+6281200000001"
    assert siti.address(Channel.EMAIL) == "siti@contoh.id"
    assert recipient().address(Channel.EMAIL) is None
