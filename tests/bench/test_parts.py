"""The parts of benchmarks that decide whether a figure is right, on made-up input."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest

from tests.bench import import_file
from tests.bench.log_rows import Behind, _payload, keys
from tests.bench.stacks import Profile, is_own, svg, table
from tests.bench.topic_truth import judged

GOOD = [(b"a", b"k", 1), (b"c", b"l", 1), (b"b", b"k", 2)]
IDS = {b"a", b"b", b"c"}


class TestTruthOfATopic:
    def test_complete_ordered_topic_has_nothing_wrong(self) -> None:
        assert not any(judged(GOOD, IDS).values())

    @pytest.mark.parametrize(
        ("seen", "name"),
        [
            (GOOD[:2], "lost"),
            ([*GOOD, GOOD[1]], "doubled"),
            ([*GOOD, (b"x", b"m", 1)], "strange"),
            ([GOOD[2], GOOD[1], GOOD[0]], "disordered"),
        ],
    )
    def test_what_is_wrong_is_named(self, seen: list[tuple[bytes, bytes, int]], name: str) -> None:
        found = judged(seen, IDS)
        assert found[name] >= 1
        assert [other for other, count in found.items() if count and other != name] == []


class TestRowsOfALog:
    def test_payloads_are_json_of_the_size_of_an_event_and_all_different(self) -> None:
        numbers = random.Random(1)
        payloads = [_payload(key, numbers) for key in keys(200, 1) for _ in range(5)]
        assert len(set(payloads)) == 1_000
        assert all(900 <= len(payload) <= 1_100 and json.loads(payload)["box"] for payload in payloads)


class TestRowsBehindTheCursors:
    BEHIND = Behind([(0, 10, 1), (1, 10, 2), (0, 11, 3), (0, 12, 4)])

    def test_cursors_at_zero_have_nothing_behind_them(self) -> None:
        assert self.BEHIND.counted([(0, 0, 0), (1, 0, 0)]) == 0

    def test_each_bucket_counts_for_itself_up_to_its_cursor(self) -> None:
        assert self.BEHIND.counted([(0, 11, 3), (1, 0, 0)]) == 2
        assert self.BEHIND.counted([(0, 12, 4), (1, 10, 2)]) == self.BEHIND.rows == 4


class TestProfiles:
    LINES = (
        "main (/x/site-packages/uvloop/__init__.py:1);run (/p/chassis/relay.py:7);send (/x/site-packages/aiokafka/producer.py:3) 60",
        "main (/x/site-packages/uvloop/__init__.py:1);run (/p/chassis/relay.py:7) 30",
        "main (/x/site-packages/uvloop/__init__.py:1);run (/p/chassis/relay.py:7);run (/p/chassis/relay.py:7) 10",
        "<module> (/p/x.py:1);_find_and_load (<frozen importlib._bootstrap>:1165) 900",
    )

    @pytest.fixture
    def profile(self, monkeypatch: pytest.MonkeyPatch) -> Profile:
        monkeypatch.setattr("tests.bench.stacks.PROJECT", "/p")
        return Profile(self.LINES)

    def test_own_time_is_what_is_on_top_and_recursion_counts_once(self, profile: Profile) -> None:
        shares = {share.function: share for share in profile.shares()}
        run, send = shares["run (chassis/relay.py)"], shares["send (aiokafka/producer.py)"]
        assert (run.own, run.self_pct, run.total_pct) == (True, 40.0, 100.0)
        assert (send.own, send.self_pct, send.total_pct) == (False, 60.0, 60.0)

    def test_imports_are_counted_apart(self, profile: Profile) -> None:
        assert (profile.samples, profile.imports) == (100, 900)

    def test_function_of_ours_above_the_limit_is_named(self, profile: Profile) -> None:
        assert [share.function for share in profile.too_much()] == ["run (chassis/relay.py)"]

    def test_only_what_we_ship_is_ours(self) -> None:
        assert is_own("f (services/payments/app.py)")
        assert not is_own("f (sqlalchemy/services/payments.py)")
        assert not is_own("f (tests/bench/run.py)")

    def test_table_marks_ours_and_the_picture_holds_every_function(self, profile: Profile) -> None:
        assert any("* run (chassis/relay.py)" in line for line in table(profile))
        picture = svg(profile, "B2")
        assert picture.startswith("<svg")
        assert "send (aiokafka/producer.py): 60.00 %" in picture


class TestFilesToImport:
    FILE = import_file.made(1_300, first=0, agent_codes=["A-1", "A-2"])

    def test_one_row_in_a_hundred_is_wrong_and_every_kind_occurs(self) -> None:
        assert len(self.FILE.refused) == 13
        assert set(self.FILE.refused.values()) == set(import_file.WRONG)

    def test_refusals_name_the_lines_as_a_reader_of_the_file_counts_them(self) -> None:
        lines = [[], *csv.reader(io.StringIO(self.FILE.csv.decode()))]
        nik = import_file.COLUMNS.index("nik")
        (line, *_) = [line for line, code in self.FILE.refused.items() if code == "duplicate_of_line"]
        assert lines[line][nik] == lines[line - 1][nik]
        assert len({row[nik] for row in lines[2:]}) == 1_300 - 2

    def test_rows_have_the_size_of_the_payload_table(self) -> None:
        assert 180 <= len(self.FILE.csv) / 1_300 <= 250
