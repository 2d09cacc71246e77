"""Rules of membership: frozen values and pure functions. `decide` gives events or a refusal, `evolve` folds events
into a state.
"""
