"""`python -m deploy.local.issuer`."""

from deploy.local.issuer.app import compose
from deploy.local.outside.server import run_party

if __name__ == "__main__":
    run_party("issuer", compose)
