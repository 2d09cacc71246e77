"""What the acquirer is told by its environment."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from deploy.local.bank.clock import read_moment
from deploy.local.bank.settings import Settings as LineSettings
from deploy.local.outside.environment import Environment, SettingError


@dataclass(frozen=True)
class Settings:
    """`line`: how the merchant is called with notices. The rest: how the merchant calls us. Durations in seconds."""

    data_dir: Path
    line: LineSettings
    merchant_client_key: str
    merchant_client_secret: str
    merchant_key: RSAPublicKey
    merchant_id: str
    business_time: datetime | None
    tries: int
    backoff_s: float

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Raises `SettingError` for the first variable that is missing or wrong."""
        text = environment.optional("BUSINESS_TIME")
        try:
            told = read_moment(text) if text else None
        except ValueError as error:
            raise SettingError(f"BUSINESS_TIME is {text!r}: {error}") from error
        return cls(
            data_dir=environment.folder("DATA_DIR"),
            # notices are calls like a bank's, but for the numbers: an acquirer has none
            line=LineSettings.read(Environment({**environment.values, "VA_PREFIX": "0"})),
            merchant_client_key=environment.text("MERCHANT_CLIENT_KEY", meaning="the X-CLIENT-KEY of the merchant"),
            merchant_client_secret=environment.text(
                "MERCHANT_CLIENT_SECRET", meaning="the secret of the merchant's calls"
            ),
            merchant_key=_public_key(environment),
            merchant_id=environment.text("MERCHANT_ID", meaning="the merchant's number here"),
            business_time=told,
            tries=environment.integer("TRIES", 4, low=1, high=20),
            backoff_s=environment.seconds("BACKOFF_S", 0.5),
        )


def _public_key(environment: Environment) -> RSAPublicKey:
    path = environment.text("MERCHANT_KEY_FILE", meaning="a file with the merchant's public key in PEM")
    try:
        key = load_pem_public_key(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise SettingError(f"cannot use MERCHANT_KEY_FILE {path}: {error}") from error
    if not isinstance(key, RSAPublicKey):
        raise SettingError(f"MERCHANT_KEY_FILE {path} holds no RSA key")
    return key
