"""HTTP of payments: bills, payments, ledger and partners for people, SNAP for banks."""
