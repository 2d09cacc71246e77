"""Mobile numbers: whatever way an Indonesian number is written down, one E.164 form; what gets no SMS or WhatsApp is
refused.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from chassis.problems import ProblemType
from services.registration.problems import PHONE_FOREIGN, PHONE_FORMAT, PHONE_NOT_MOBILE

_SEPARATORS = re.compile(r"[ .\-()]")
_DIALLED = re.compile(r"(\+[0-9]{7,15}|0[0-9]{6,14})\Z")
_USUAL = re.compile(r"(?:0|\+62)(8[1-35-9][0-9]{7,10})\Z")
"""Indonesia's mobile numbers as phonenumbers knows them (9.0), at a fortieth of its time; whatever else is written, it is asked."""
_INDONESIA = 62


def normalise(written: str) -> str | ProblemType:
    """E.164 (`+628…`) of a number written as 08…, 62… or +62…; otherwise why it is refused."""
    digits = _SEPARATORS.sub("", written)
    if digits.startswith("62"):  # phonenumbers would read it as a local number and put another 62 before it
        digits = f"+{digits}"
    if usual := _USUAL.match(digits):
        return f"+62{usual[1]}"
    if not _DIALLED.match(digits):
        return PHONE_FORMAT
    try:
        number = phonenumbers.parse(digits, "ID")
    except NumberParseException:
        return PHONE_FORMAT
    if number.country_code != _INDONESIA:
        return PHONE_FOREIGN
    kind = phonenumbers.number_type(number)  # UNKNOWN when it is no valid number
    if kind == PhoneNumberType.UNKNOWN:
        return PHONE_FORMAT
    if kind != PhoneNumberType.MOBILE:
        return PHONE_NOT_MOBILE
    return f"+{number.country_code}{number.national_number}"
