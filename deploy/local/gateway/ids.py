"""Numbers the provider gives out."""

import secrets


def new_message_id() -> str:
    """Unguessable, as a provider's are."""
    return f"msg_{secrets.token_hex(12)}"
