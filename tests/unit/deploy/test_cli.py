"""What `perisai status` makes of a service's own words."""

from deploy.cli import STATUS_ROWS


def test_a_blown_fuse_stands_in_the_table() -> None:
    facts = {"consumers": {"participants": "20 failures in a row", "contributions": "running"}}
    assert STATUS_ROWS["readers"](facts) == "participants: 20 failures in a row"


def test_running_readers_are_one_word() -> None:
    assert STATUS_ROWS["readers"]({"consumers": {"participants": "running"}}) == "running"


def test_what_waits_for_a_person_is_named_and_what_does_not_is_left_out() -> None:
    attention = {"incentive_payouts_overdue": 2, "incentive_runs_unfinished": 0}
    assert STATUS_ROWS["waits for a person"]({"attention": attention}) == "incentive_payouts_overdue: 2"
    assert STATUS_ROWS["waits for a person"]({"attention": {"incentive_runs_unfinished": 0}}) == "nothing"
