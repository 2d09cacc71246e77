from chassis.process import main
from services.notifications.app import SERVICE

main(SERVICE)
