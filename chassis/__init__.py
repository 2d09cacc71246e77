"""What every service stands on: event log, relay, consumers, batches, HTTP, privacy, telemetry. No domain words."""
