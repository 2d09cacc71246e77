"""`python -m deploy.local.gateway`."""

from deploy.local.gateway.app import compose
from deploy.local.outside.server import run_party

if __name__ == "__main__":
    run_party("gateway", compose)
