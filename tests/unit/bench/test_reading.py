"""What is read from the machine and from other programs' output, by examples written by hand."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from deploy.local.trouble import Trouble
from tests.bench import cpu, host, pgbench, server
from tests.bench.counts import counting, entries
from tests.bench.cpu import Cpu
from tests.bench.meters import Meters
from tests.bench.plain_inserts import without_colons
from tests.bench.steal import Steal
from tests.bench.topic_order import out_of_order

PGBENCH = """pgbench (18.4)
transaction type: two_inserts.sql
number of transactions actually processed: 24466
number of failed transactions: 3 (0.012%)
latency average = 13.079 ms
tps = 1223.278520 (without initial connection time)
"""
MOUNTS = """/dev/vda / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
tmpfs /run/lock tmpfs rw 0 0
/dev/vdb /var/data xfs rw 0 0
tmpfs /var/data/memory tmpfs rw 0 0
"""


class TestSteal:
    def test_share_is_of_all_time_in_between(self) -> None:
        first = Steal.of("cpu  100 0 100 700 50 0 20 30 5 0\ncpu0 1 1 1 1")
        later = Steal.of("cpu  150 0 120 800 50 0 20 60 5 0\n")
        assert first.pct_until(later) == pytest.approx(100 * 30 / 200)

    def test_no_time_has_no_steal(self) -> None:
        assert Steal(5, 5).pct_until(Steal(5, 5)) == 0.0


class TestPlace:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/home/x", "ext4"),
            ("/run/lock/x", "tmpfs"),
            ("/running/x", "ext4"),
            ("/var/data/pg", "xfs"),
            ("/var/data/memory/pg", "tmpfs"),
        ],
    )
    def test_file_system_is_that_of_the_nearest_mount_point(self, path: str, kind: str) -> None:
        assert host.filesystem_in(MOUNTS, Path(path)) == kind

    @pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
    def test_data_in_memory_is_refused(self, kind: str) -> None:
        with pytest.raises(Trouble, match="costs nothing to make durable"):
            server.refuse_memory(kind, Path("/x"))

    def test_data_on_a_disk_is_taken(self) -> None:
        server.refuse_memory("ext4", Path("/x"))


class TestCpu:
    def test_own_process_burns_what_it_burns(self) -> None:
        before = Cpu.now({"me": os.getpid()})
        while sum(os.times()[:2]) < before.seconds["generator"] + 0.2:
            pass
        burnt = Cpu.now({"me": os.getpid()}) - before
        assert 0.15 <= burnt.seconds["me"] < 2
        assert burnt.seconds["generator"] == pytest.approx(burnt.seconds["me"], abs=0.05)

    def test_process_that_is_gone_burns_nothing(self) -> None:
        assert cpu.family_seconds(2**22 + 1) == 0.0

    def test_platform_is_all_but_generator_and_simulators(self) -> None:
        spent = Cpu(
            {"payments-api": 2.0, "postgres": 1.0, "kafka": 0.5, "generator": 4.0, "bank": 1.0, "gateway": 0.25}
        )
        assert (spent.platform_s, spent.outside_s) == (3.5, 5.25)
        assert spent.ms_per(1000)["postgres"] == 1.0


class TestPgbench:
    def test_rate_count_and_failures_are_read(self) -> None:
        assert pgbench.read(PGBENCH) == (1223.27852, 24466, 3)

    def test_output_without_a_rate_is_refused(self) -> None:
        with pytest.raises(pgbench.Refused):
            pgbench.read("pgbench: error: connection failed")

    @pytest.mark.parametrize(
        ("literal", "expected"),
        [
            ("'plain'", "'plain'"),
            ("""'{"a": "x:b"}'""", """U&'{"a"\\003a "x\\003ab"}'"""),
            ("E'a\\\\b:c'", "U&'a\\\\b\\003ac'"),
        ],
    )
    def test_colons_are_hidden_from_pgbench(self, literal: str, expected: str) -> None:
        assert without_colons(literal) == expected


class TestMeters:
    def meters(self, *sizes: tuple[str, float]) -> Meters:
        name = "perisai_batch_items_bucket"
        return Meters({(name, (("le", bound), ("use_case", "Pay"))): value for bound, value in sizes})

    def test_batch_size_is_the_bound_of_the_bucket_that_holds_the_percentile(self) -> None:
        found = self.meters(("1.0", 10), ("50.0", 60), ("100.0", 99), ("+Inf", 100))
        assert [found.batch_size(pct, use_case="Pay") for pct in (10, 50, 99)] == [1, 50, 100]
        assert found.batch_size(50, use_case="other") == 0

    def test_totals_go_over_labels_and_processes(self) -> None:
        found = Meters({("a_total", (("x", "1"),)): 2.0, ("a_total", (("x", "2"),)): 3.0, ("b_total", ()): 9.0})
        assert (found.total("a_total"), found.total("a_total", x="2")) == (5.0, 3.0)
        assert (found - Meters({("b_total", ()): 4.0})).total("b_total") == 5.0


class TestCounts:
    def test_tests_that_count_are_found_through_helpers_and_classes(self) -> None:
        source = """
def test_direct(): holds("a", 1)
def helper(): holds("b", 1)
class TestX:
    async def test_through_a_helper(self): await helper()
    def test_nothing(self): assert True
"""
        assert counting(ast.parse(source)) == ["test_direct", "TestX::test_through_a_helper"]

    def test_highest_count_stands_and_one_that_nobody_counted_fails(self) -> None:
        lines = [{"name": "a", "value": 3}, {"name": "a", "value": 5}, {"name": "b", "value": 2}]
        known = {"a": {"most": 4}, "b": {"most": 2}, "c": {"most": 1}}
        assert entries(lines, known) == [
            {"name": "a", "value": 5, "allowed": 4, "status": "fail"},
            {"name": "b", "value": 2, "allowed": 2, "status": "pass"},
            {"name": "c", "value": None, "allowed": 1, "status": "fail"},
        ]


class TestTopicOrder:
    @pytest.mark.parametrize(
        ("seqs", "wrong"), [([1, 2, 3], 0), ([1, 2, 1, 2, 3], 0), ([2, 1], 1), ([1, 3, 2, 4], 1), ([1, 1, 4], 1)]
    )
    def test_repeats_are_no_disorder_and_jumps_are(self, seqs: list[int], wrong: int) -> None:
        records = [("s", "k", seq) for seq in seqs]
        assert out_of_order(records) == wrong
        assert out_of_order([("s", "other", 1), *records, ("t", "k", 1)]) == wrong
