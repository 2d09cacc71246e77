"""One outreach day, played through the doors that people and banks use, and told from what the services, the bank and the broker answer."""
