"""Small programs for the supervisor's tests: real processes, no stack."""

import signal
import sys
from pathlib import Path

from deploy.local.process import Program

SLEEPS = "import time\nprint('up', flush=True)\ntime.sleep(600)"
DEAF = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)"
FAILS = "import sys\nprint('the last words')\nsys.exit(3)"


def python(name: str, code: str, folder: Path, *, stop_within_s: float = 20) -> Program:
    """A Python one-liner as a supervised program."""
    argv = (sys.executable, "-c", code)
    return Program(name, argv, {}, folder, stop_signal=signal.SIGTERM, stop_within_s=stop_within_s)
