"""What the services say to each other: value types, the envelope, the events, their JSON Schema snapshots. Imports
nothing of ours."""
