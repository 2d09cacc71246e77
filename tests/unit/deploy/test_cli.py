"""What `perisai status` makes of a service's own words."""

from deploy.cli import STATUS_ROWS


def test_a_blown_fuse_stands_in_the_table() -> None:
    facts = {"consumers": {"participants": "20 failures in a row", "contributions": "running"}}
    assert STATUS_ROWS["readers"](facts) == "participants: 20 failures in a row"


def test_running_readers_are_one_word() -> None:
    assert STATUS_ROWS["readers"]({"consumers": {"participants": "running"}}) == "running"
