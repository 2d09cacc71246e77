"""Use cases, each on a batch: what to load, which decider, what to answer."""
