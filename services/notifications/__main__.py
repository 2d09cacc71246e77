"""`python -m services.notifications`: one process of this service."""

from chassis.process import main
from services.notifications.app import SERVICE

main(SERVICE)
