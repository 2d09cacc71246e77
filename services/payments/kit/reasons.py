"""What an error tells the payer in English, where one code has several reasons: texts of the published document."""

from __future__ import annotations

STALE = "[X-TIMESTAMP out of tolerance]"
"""In the message itself: a 401 is bare."""
UNKNOWN = "Number not found; check it"
BLOCKED = "Number is blocked; ask the branch office"
OTHER_NUMBER = "This request paid another number; use a new request id"
VOIDED = "The money never reached us; pay with a new request id"
CLOSED = "Participation is closed; ask the branch office"
NOT_FOR_FIRST = "The first payment is not taken here; ask the agent"
ABOVE_DEPOSIT = "The amount is above the limit; pay in smaller parts"
BELOW_SHOPS = "Below what shops take; ask for a bill of more months"
ABOVE_SHOPS = "Above what shops take; pay at a bank"
BILL_EXPIRED = "The bill has expired; inquire again"
REGISTRATION_EXPIRED = "The registration has expired; register again"
