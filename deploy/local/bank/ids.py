"""Numbers the bank gives out: to its calls and to its payments."""

import secrets

from deploy.local.bank.clock import wall_now


def new_external_id() -> str:
    """A numeric X-EXTERNAL-ID that no call of any day has had: the microsecond and twelve random digits."""
    return f"{wall_now():%y%m%d%H%M%S%f}{secrets.randbelow(10**12):012d}"


def new_request_id() -> str:
    """An inquiryRequestId, which becomes the paymentRequestId: unique for ever, also after the books were wiped."""
    return f"{wall_now():%Y%m%d%H%M%S}{secrets.token_hex(8)}"
