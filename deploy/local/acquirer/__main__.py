"""`python -m deploy.local.acquirer`, and `… public-key` to print the key that merchants verify notices' token requests with."""

import os
import sys

from deploy.local.acquirer.app import compose
from deploy.local.bank.keys import own_key, public_pem
from deploy.local.outside.environment import Environment, SettingError
from deploy.local.outside.server import run_party


def print_public_key() -> None:
    """Makes the acquirer's key pair when there is none: a merchant must know the key before it is first called."""
    try:
        print(public_pem(own_key(Environment(os.environ))), end="")
    except SettingError as error:
        sys.exit(f"acquirer: {error}")


if __name__ == "__main__":
    if sys.argv[1:] == ["public-key"]:
        print_public_key()
    elif sys.argv[1:]:
        sys.exit(f"acquirer: unknown argument {sys.argv[1]!r}: the only one is public-key")
    else:
        run_party("acquirer", compose)
