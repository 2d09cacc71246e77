"""The issuer's clock."""

import time


def now_s() -> int:
    """Wall time, whole seconds since 1970: the unit of `iat`, `nbf` and `exp` (RFC 7519 section 2)."""
    return int(time.time())  # wall clock: an outside party has no other
