"""`python -m services.payments`: one process of payments, in the roles its environment names."""

from chassis.process import main
from services.payments.app import SERVICE

main(SERVICE)
