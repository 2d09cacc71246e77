"""The declaration of topics."""

from types import SimpleNamespace
from typing import Any

from aiokafka.admin.config_resource import ConfigResource
from aiokafka.errors import UnknownTopicOrPartitionError

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


class ABrokerThatLearnsLate:
    """Says of its first `unaware` questions that it never heard of the topic, as a follower does just after a creation."""

    def __init__(self, unaware: int) -> None:
        self.unaware = unaware

    async def describe_configs(self, resources: list[ConfigResource], **_: Any) -> list[Any]:
        answers: list[Any]
        self.unaware -= 1
        if self.unaware >= 0:
            answers = [(UnknownTopicOrPartitionError.errno, "", 2, r.name, []) for r in resources]
        else:
            answers = [(0, None, 2, r.name, [("cleanup.policy", "compact")]) for r in resources]
        return [SimpleNamespace(resources=answers)]


async def test_a_broker_that_has_not_heard_of_a_new_topic_is_asked_again_instead_of_being_told_it_differs() -> None:
    client = ABrokerThatLearnsLate(unaware=2)
    assert [await topics.settings(client, topics.declared()[:1]) for _ in range(2)] == [None, None]
    assert await topics.settings(client, topics.declared()[:1]) == {
        "perisai.participants": {"cleanup.policy": "compact"}
    }
