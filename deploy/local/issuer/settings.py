"""What the issuer is told by its environment."""

from dataclasses import dataclass
from pathlib import Path

from deploy.local.outside.environment import Environment


@dataclass(frozen=True)
class Settings:
    """Durations in seconds; `issuer` is the address that verifiers know it by."""

    data_dir: Path
    issuer: str
    audience: str
    admin_token: str
    accounts_file: Path | None
    token_life_s: int
    rotation_overlap_s: int

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Raises `SettingError` for the first variable that is missing or wrong."""
        host, port = environment.text("HOST", "127.0.0.1"), environment.text("PORT", "0")
        default_issuer = None if port == "0" else f"http://{host}:{port}"
        accounts_file = environment.optional("ACCOUNTS_FILE")
        token_life_s = environment.integer("TOKEN_LIFE_S", 900, low=1, high=86_400)
        return cls(
            data_dir=environment.folder("DATA_DIR"),
            issuer=environment.url("ISSUER", default_issuer, meaning="the address verifiers know the issuer by"),
            audience=environment.text("AUDIENCE", "perisai"),
            admin_token=environment.text("ADMIN_TOKEN", meaning="the secret that admin requests carry"),
            accounts_file=Path(accounts_file) if accounts_file else None,
            token_life_s=token_life_s,
            rotation_overlap_s=environment.integer(
                "ROTATION_OVERLAP_S", token_life_s + 300, low=token_life_s, high=31_536_000
            ),
        )
