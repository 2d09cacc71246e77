"""Lines on the terminal."""

import io

from deploy.local.console import Console, readable


def test_a_structured_line_is_told_in_words() -> None:
    line = '{"event": "batch_applied", "level": "warning", "service": "payments", "count": 3, "key": null}'
    assert readable(line) == "WARNING batch_applied count=3"


def test_other_lines_stay_as_they_are() -> None:
    assert [readable(line) for line in ("plain", "{not json", "")] == ["plain", "{not json", ""]


def test_each_line_says_whose_it_is() -> None:
    out = io.StringIO()
    Console(out).echo("payments", "ready")
    assert out.getvalue() == "payments      ready\n"


def test_a_quiet_console_tells_progress_and_no_logs() -> None:
    out = io.StringIO()
    console = Console(out, quiet=True)
    console.echo("payments", "ready")
    console.tell("everything is up")
    assert out.getvalue() == "perisai       everything is up\n"


def test_a_terminal_that_is_gone_does_not_stop_the_stopping() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    Console(Gone()).tell("stopping everything")
