"""The proof harness: faults are injected, an independent checker decides, and builds that are broken on purpose must be caught."""
