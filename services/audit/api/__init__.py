"""What an auditor asks over HTTP."""
