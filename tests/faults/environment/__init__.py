"""Environment faults (matrix B): one small file per fault (f), story (s) or threat (t). Importing this enters their cells into the catalogue."""

from importlib import import_module
from pathlib import Path

for _file in sorted(Path(__file__).parent.glob("[fst][0-9]*.py")):
    import_module(f"{__name__}.{_file.stem}")
