"""What the bank is told by its environment."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from deploy.local.bank.clock import read_moment
from deploy.local.outside.environment import Environment, SettingError

SignatureMode = Literal["SYMMETRIC", "ASYMMETRIC"]


@dataclass(frozen=True)
class Settings:
    """Durations in seconds. `biller_url` is everything before `/access-token/b2b`, version included."""

    data_dir: Path
    biller_url: str
    partner_id: str
    client_key: str
    client_secret: str
    va_prefix: str
    channel_id: str
    channel_code: int
    signature_mode: SignatureMode
    business_time: datetime | None
    timeout_s: float
    lines: int
    tries: int
    backoff_s: float
    backoff_cap_s: float
    resolve_tries: int
    resolve_cap_s: float

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Raises `SettingError` for the first variable that is missing or wrong."""
        mode = environment.choice("SIGNATURE_MODE", "SYMMETRIC", ["SYMMETRIC", "ASYMMETRIC"])
        return cls(
            data_dir=environment.folder("DATA_DIR"),
            biller_url=environment.url("BILLER_URL", meaning="the biller's address up to and with /v1.0"),
            partner_id=environment.text("PARTNER_ID", meaning="the X-PARTNER-ID agreed with the biller"),
            client_key=environment.text("CLIENT_KEY", meaning="the X-CLIENT-KEY agreed with the biller"),
            client_secret=environment.text("CLIENT_SECRET", meaning="the secret of symmetric signatures"),
            va_prefix=_va_prefix(environment),
            channel_id=environment.text("CHANNEL_ID", "95221"),
            channel_code=environment.integer("CHANNEL_CODE", 6011, low=1, high=9999),
            signature_mode="ASYMMETRIC" if mode == "ASYMMETRIC" else "SYMMETRIC",
            business_time=_business_time(environment),
            timeout_s=environment.seconds("TIMEOUT_S", 10, low=0.05, high=120),
            lines=environment.integer("LINES", 100, low=1, high=1000),
            tries=environment.integer("TRIES", 4, low=1, high=20),
            backoff_s=environment.seconds("BACKOFF_S", 0.5),
            backoff_cap_s=environment.seconds("BACKOFF_CAP_S", 5),
            resolve_tries=environment.integer("RESOLVE_TRIES", 30, low=1, high=1000),
            resolve_cap_s=environment.seconds("RESOLVE_CAP_S", 15),
        )


def _va_prefix(environment: Environment) -> str:
    prefix = environment.text("VA_PREFIX", meaning="the partnerServiceId of our numbers at the biller")
    if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 8):
        raise SettingError(f"VA_PREFIX is {prefix!r}: it must be at most 8 digits, without the blanks in front")
    return prefix


def _business_time(environment: Environment) -> datetime | None:
    text = environment.optional("BUSINESS_TIME")
    try:
        return read_moment(text) if text else None
    except ValueError as error:
        raise SettingError(f"BUSINESS_TIME is {text!r}: {error}") from error
