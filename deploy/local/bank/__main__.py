"""`python -m deploy.local.bank`, and `python -m deploy.local.bank public-key` to print the key that billers verify."""

import os
import sys

from deploy.local.bank.app import compose
from deploy.local.bank.keys import own_key, public_pem
from deploy.local.outside.environment import Environment, SettingError
from deploy.local.outside.server import run_party


def print_public_key() -> None:
    """Makes the bank's key pair when there is none: a biller must know the key before the bank first calls."""
    try:
        print(public_pem(own_key(Environment(os.environ))), end="")
    except SettingError as error:
        sys.exit(f"bank: {error}")


if __name__ == "__main__":
    if sys.argv[1:] == ["public-key"]:
        print_public_key()
    elif sys.argv[1:]:
        sys.exit(f"bank: unknown argument {sys.argv[1]!r}: the only one is public-key")
    else:
        run_party("bank", compose)
