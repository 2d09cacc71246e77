"""`python -m services.audit`: one process of this service."""

from chassis.process import main
from services.audit.app import SERVICE

main(SERVICE)
