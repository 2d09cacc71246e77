"""A key's partition is that of every Kafka client."""

from __future__ import annotations

from aiokafka.partitioner import murmur2 as of_the_library
from hypothesis import given
from hypothesis import strategies as st

from chassis.partitions import murmur2, partition_of


@given(st.binary(max_size=80))
def test_the_hash_is_that_of_the_library(key: bytes) -> None:
    assert murmur2(key) == of_the_library(key)


@given(st.uuids().map(lambda key: str(key).encode()), st.integers(1, 1_000))
def test_a_key_lies_in_one_of_the_partitions(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (of_the_library(key) & 0x7FFFFFFF) % partitions
