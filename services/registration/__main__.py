"""`python -m services.registration`: one process of this service."""

from chassis.process import main
from services.registration.app import SERVICE

main(SERVICE)
