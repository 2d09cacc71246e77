"""Sampled stacks: who burns the time, by function; and a picture of it. Input is what py-spy calls raw: `frame;frame;frame count`.

Stacks that import modules are left out and counted apart: a process pays for them once.
"""

from __future__ import annotations

import html
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.places import PROJECT

OWN = ("chassis/", "services/", "contracts/")
IMPORTING = ("importlib._bootstrap", "<frozen importlib")
_STANDARD = re.compile(r".*/lib/python3\.[0-9]+/")
WIDTH, ROW = 1600, 17
SMALLEST = 0.3
"""Boxes narrower than this many pixels are left out."""
MOST_OF_ONE = 10.0
"""No function of ours takes more than this many per cent of the samples by itself."""

Stack = tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """One function: per cent of all samples in which it was on top, and in which it was anywhere in the stack."""

    function: str
    own: bool
    self_pct: float
    total_pct: float


class Profile:
    """Stacks and how often each was seen; paths inside the project are relative to it, others begin at their package."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.stacks: Counter[Stack] = Counter()
        self.imports = 0
        for line in lines:
            text, _, count = line.rstrip().rpartition(" ")
            if not count.isdecimal():
                continue
            if any(mark in text for mark in IMPORTING):
                self.imports += int(count)
                continue
            self.stacks[tuple(_short(frame) for frame in text.split(";"))] += int(count)

    @classmethod
    def of(cls, files: Iterable[Path]) -> Profile:
        """Of several processes as one."""
        return cls(line for file in files for line in file.read_text(encoding="utf-8").splitlines())

    @property
    def samples(self) -> int:
        return sum(self.stacks.values())

    def shares(self) -> list[Share]:
        """Every function, by its own time first; a function that recurs in a stack counts once for it."""
        alone: Counter[str] = Counter()
        anywhere: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            alone[stack[-1]] += count
            for function in set(stack):
                anywhere[function] += count
        every = max(self.samples, 1)
        found = [
            Share(name, is_own(name), 100 * alone[name] / every, 100 * anywhere[name] / every) for name in anywhere
        ]
        return sorted(found, key=lambda share: (-share.self_pct, -share.total_pct, share.function))

    def too_much(self) -> list[Share]:
        """Functions of ours above MOST_OF_ONE."""
        return [share for share in self.shares() if share.own and share.self_pct > MOST_OF_ONE]


def is_own(function: str) -> bool:
    """Whether a frame is in the code that we ship."""
    return function.rpartition("(")[2].startswith(OWN)


def table(profile: Profile, *, rows: int = 25) -> list[str]:
    """The most expensive functions by own time, then those of ours by what happens inside them."""
    shares = profile.shares()
    inside = sorted((share for share in shares if share.own), key=lambda share: -share.total_pct)
    own = sum(share.self_pct for share in shares if share.own)
    return [
        f"{profile.samples:,} samples ({profile.imports:,} more while importing), {own:.1f} % on top in our own functions",
        "",
        "   self %   total %      function (* ours)",
        *(_row(share) for share in shares[:rows]),
        "",
        "   self %   total %      ours, by what happens inside",
        *(_row(share) for share in inside[:rows]),
    ]


def svg(profile: Profile, title: str) -> str:
    """A flame graph: width is time, below is who calls, our own functions in another colour."""
    root = _Box("all")
    for stack, count in sorted(profile.stacks.items()):
        root.add(stack, count)
    boxes: list[str] = []
    deepest = _draw(root, 0.0, WIDTH / max(root.count, 1), 0, boxes)
    height = (deepest + 2) * ROW + 30
    style = "text{font:11px monospace;pointer-events:none}rect:hover{stroke:#000}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
        f'<style>{style}</style><text x="4" y="16">{html.escape(title)}</text>' + "".join(boxes) + "</svg>\n"
    )


@dataclass
class _Box:
    name: str
    count: int = 0
    inside: dict[str, _Box] = field(default_factory=dict)

    def add(self, stack: Sequence[str], count: int) -> None:
        box = self
        box.count += count
        for name in stack:
            box = box.inside.setdefault(name, _Box(name))
            box.count += count


def _draw(box: _Box, x: float, per_sample: float, depth: int, out: list[str]) -> int:
    """Appends this box and those inside; how deep it went."""
    width = box.count * per_sample
    if width < SMALLEST:
        return depth
    y, shade = 26 + depth * ROW, zlib.crc32(box.name.encode()) % 50
    colour = f"rgb(90,{150 + shade},{200 + shade})" if is_own(box.name) else f"rgb(240,{150 + shade},{60 + shade})"
    share = f"{100 * width / WIDTH:.2f} %"
    label = html.escape(box.name[: int(width / 7)]) if width > 30 else ""
    out.append(
        f'<g><title>{html.escape(box.name)}: {share}</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}"'
        f' fill="{colour}"/><text x="{x + 2:.1f}" y="{y + 12}">{label}</text></g>'
    )
    deepest = depth
    for inner in box.inside.values():
        deepest = max(deepest, _draw(inner, x, per_sample, depth + 1, out))
        x += inner.count * per_sample
    return deepest


def _row(share: Share) -> str:
    return f"{share.self_pct:9.2f} {share.total_pct:9.2f}  {'*' if share.own else ' '} {share.function}"


def _short(frame: str) -> str:
    """`name (path)`, without the line, the path from the project or the package on."""
    name, bracket, place = frame.rpartition(" (")
    if not bracket:
        return frame
    path = place.rstrip(")").rpartition(":")[0] or place.rstrip(")")
    for mark in ("site-packages/", f"{PROJECT}/"):
        _, found, rest = path.rpartition(mark)
        if found:
            return f"{name} ({rest})"
    return f"{name} ({_STANDARD.sub('', path)})"
