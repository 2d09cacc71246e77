"""What the gateway is told by its environment."""

from dataclasses import dataclass
from pathlib import Path

from deploy.local.outside.environment import Environment, SettingError


@dataclass(frozen=True)
class Settings:
    """Durations in seconds; without a webhook no receipts are sent."""

    data_dir: Path
    api_key: str
    webhook_url: str | None
    webhook_secret: str
    receipt_delay_s: float
    receipt_timeout_s: float
    backoff_s: float
    backoff_cap_s: float
    give_up_s: float

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Raises `SettingError` for the first variable that is missing or wrong."""
        webhook_url = environment.url("WEBHOOK_URL") if environment.optional("WEBHOOK_URL") else None
        webhook_secret = environment.optional("WEBHOOK_SECRET")
        if webhook_url and webhook_secret is None:
            raise SettingError("WEBHOOK_SECRET is not set: it must hold the secret that signs delivery receipts")
        return cls(
            data_dir=environment.folder("DATA_DIR"),
            api_key=environment.text("API_KEY", meaning="the key that customers send as a bearer token"),
            webhook_url=webhook_url,
            webhook_secret=webhook_secret or "",
            receipt_delay_s=environment.seconds("RECEIPT_DELAY_S", 0.2),
            receipt_timeout_s=environment.seconds("RECEIPT_TIMEOUT_S", 5, low=0.05, high=120),
            backoff_s=environment.seconds("BACKOFF_S", 0.5),
            backoff_cap_s=environment.seconds("BACKOFF_CAP_S", 10),
            give_up_s=environment.seconds("GIVE_UP_S", 86_400, high=2_592_000),
        )
