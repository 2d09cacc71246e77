"""The declaration of topics."""

from contracts.events import PARTITIONS
from deploy import topics


def test_every_topic_of_the_design_is_declared_with_24_partitions_and_no_limit() -> None:
    declared = topics.declared()
    assert {topic.name for topic in declared} == {
        "perisai.participants",
        "perisai.agency",
        "perisai.contributions",
        "perisai.incentives",
        "perisai.notifications",
        "perisai.claims",
        "perisai.audit",
        "perisai.dead-letters",
    }
    assert {topic.partitions for topic in declared} == {PARTITIONS} == {24}
    kept = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    assert all(topic.config == kept | {"unclean.leader.election.enable": "false"} for topic in declared)


def test_a_prefix_of_a_tests_own_takes_the_place_of_the_declared_one() -> None:
    assert topics.declared(prefix="t1.")[0].name == "t1.participants"
