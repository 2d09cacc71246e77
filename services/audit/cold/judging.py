"""A cold month against the checkpoint that it stands under: every altered, missing or inserted event, and every file that is missing or other.

Nothing is needed but the month and the log's public key. The manifest's hashes must lead to the signed root; then each file's events must lead
to the manifest's hashes. Where they do not, the 256 leaf hashes of that place say which event it is, in whichever copy leads there: the column
of the files, or the tiles that were published. The same hashes give the root that the log had at any size within the month, so every checkpoint
that somebody kept of such a size is held against it.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from services.audit.cold.copies import published
from services.audit.cold.engine import opened
from services.audit.cold.reading import FileRows, judged_row
from services.audit.cold.shelf import Cold, Shelf
from services.audit.domain.checkpoints import Checkpoint, read_signed
from services.audit.domain.manifests import FILE_NAME, BadManifest, Manifest, Part
from services.audit.domain.merkle import Node, Span, perfect_root
from services.audit.domain.notes import BadNote, NoteKey
from services.audit.domain.verifying import Finding, Kind, Row, Stray, compare, resolve, together

Tell = Callable[[int], None]
"""Events judged."""
TellAll = Callable[[int, int], None]
"""The same, and how many there are."""


@dataclass(slots=True)
class _Seen:
    """What the files showed of one month."""

    sizes: Sequence[int]
    """Of the log, of which the root is asked, from the smallest on."""
    nodes: list[bytes | None] = field(default_factory=list)
    """Of each subtree, by its events; None where it cannot be told."""
    doubtful: list[tuple[Node, dict[int, Row], dict[int, bytes]]] = field(default_factory=list)
    """Subtrees that are not what they should be: the rows, and the hashes that stand beside them."""
    leaves: dict[Node, Sequence[bytes]] = field(default_factory=dict)
    """The leaf hashes under subtrees, as they were signed, where a size that is asked for ends in one."""
    beyond: list[Stray] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Month(NamedTuple):
    """`compared`: sizes of kept checkpoints at which the month says what the log's root was."""

    findings: list[Finding]
    compared: set[int]


class Judged(NamedTuple):
    """`notes`: the checkpoints that the months stand under, of which each holds by itself. `spans`: the leaves of each month, by its name.
    `compared`: as in `Month`, by any of them.
    """

    findings: list[Finding]
    notes: list[str]
    spans: dict[str, Span]
    compared: set[int]


def judge_all(
    shelf: Shelf,
    key: NoteKey,
    copies: Sequence[Path] = (),
    tell: TellAll = lambda done, of: None,
    kept: Collection[Checkpoint] = (),
) -> Judged:
    """Every month there is, and against them the checkpoints of this log that somebody kept."""
    months = {cold.month: cold for cold in shelf.months()}
    spans = {name: span for name, cold in months.items() if (span := _span_of(cold)) is not None}
    notes = {name: note for name in spans if (note := _note_of(months[name], key)) is not None}
    signed = {*kept, *(read_signed(note, key) for note in notes.values())}
    total, judged = sum(span.end - span.start for span in spans.values()), 0
    findings, compared = list[Finding](), set[int]()
    for name, cold in months.items():
        month = judge_month(cold, key, copies=copies, kept=signed, tell=_after(judged, total, tell))
        findings += month.findings
        compared |= month.compared
        judged += spans[name].end - spans[name].start if name in spans else 0
    for (name, span), (later, next_) in itertools.pairwise(spans.items()):
        if span.end > next_.start:
            text = f"the cold months {name} and {later} do not follow each other / tidak berurutan"
            findings.append(_file(next_.start, text))
    return Judged(findings, [*notes.values()], spans, compared)


def _after(judged: int, total: int, tell: TellAll) -> Tell:
    """Tells of one month after so many events."""
    return lambda done: tell(judged + done, total)


def _note_of(cold: Cold, key: NoteKey) -> str | None:
    """None that is a finding already."""
    try:
        manifest = cold.manifest()
        manifest.signed(key)
    except BadNote:
        return None
    return manifest.checkpoint


def _span_of(cold: Cold) -> Span | None:
    try:
        return Span(cold.manifest().start, cold.manifest().end)
    except (BadManifest, OSError):
        return None


def judge_month(
    cold: Cold,
    key: NoteKey,
    *,
    month: str = "",
    copies: Sequence[Path] = (),
    kept: Collection[Checkpoint] = (),
    tell: Tell = lambda done: None,
) -> Month:
    """All that is wrong with it, in the order of places; each detail ends with the month and, of an event, its file. `copies`: folders of
    published tiles. `month`: its name while it is written. `kept`: other checkpoints of this log.
    """
    name = month or cold.month
    try:
        manifest = cold.manifest()
        signed = manifest.signed(key)
    except (BadManifest, BadNote, OSError) as error:
        gone = isinstance(error, FileNotFoundError)
        why = "is missing / tidak ada" if gone else f"is not what was written / bukan yang ditulis: {error}"
        return Month([_of_month(name, Finding(Kind.FILE, 0, None, f"{FILE_NAME} {why}"))], set())
    whose = f"{FILE_NAME} is of {manifest.month} / milik bulan {manifest.month}"
    findings = [] if str(manifest.month) == name else [_file(manifest.start, whose)]
    findings += _unknown(cold, manifest)
    proved = _proved(manifest, signed.root, copies)
    seen = _seen(cold, manifest, proved or manifest.nodes, sorted({one.size for one in kept}), tell)
    findings += seen.findings
    nodes = proved or _led_to(manifest, signed.root, seen.nodes)
    if nodes is None:
        text = (
            f"the hashes of {FILE_NAME} do not lead to the root that was signed, nor do the events"
            f" / hash di {FILE_NAME} dan peristiwanya tidak menuju akar yang ditandatangani"
        )
        findings.append(Finding(Kind.UNPROVABLE, manifest.start, None, text))
    else:
        if nodes != manifest.nodes:
            text = f"the hashes of {FILE_NAME} are not those that were signed / hash-nya bukan yang ditandatangani"
            findings.append(_file(manifest.start, text))
        findings += _named(manifest, nodes, seen, copies)
    roots = dict(manifest.roots(nodes, seen.leaves, {*seen.sizes})) if nodes else {}
    findings += _unlike_kept(roots, kept)
    found = sorted(set(findings), key=lambda f: (f.place, f.kind, f.detail))
    return Month([_of_month(name, finding, manifest) for finding in found], {*roots})


def _file(place: int, text: str) -> Finding:
    return Finding(Kind.FILE, place, None, text)


def _of_month(name: str, finding: Finding, manifest: Manifest | None = None) -> Finding:
    where = f"cold month / bulan dingin {name}"
    if manifest is not None and finding.kind is not Kind.FILE:
        where += "".join(f", {part.name}" for part in manifest.parts if part.start <= finding.place < part.end)
    return finding._replace(detail=f"{finding.detail} ({where})")


def _unknown(cold: Cold, manifest: Manifest) -> list[Finding]:
    known = {FILE_NAME, *(part.name for part in manifest.parts)}
    extra = sorted(path.name for path in cold.folder.iterdir() if path.name not in known)
    return [_file(manifest.start, f"{name} is no file of this month / bukan berkas bulan ini") for name in extra]


def _seen(cold: Cold, manifest: Manifest, nodes: Sequence[bytes], sizes: Sequence[int], tell: Tell) -> _Seen:
    seen, subtrees = _Seen(sizes), list(zip(manifest.subtrees, nodes, strict=True))
    with contextlib.closing(opened()) as conn:
        for part in manifest.parts:
            problem = _unlike(cold.folder / part.name, part)
            seen.findings += [_file(part.start, problem)] if problem else []
            rows = FileRows(conn, cold.folder / part.name, part)
            for node, wanted in subtrees:
                if part.start <= node.span.start < part.end:
                    _look(seen, node, wanted, rows)
            seen.findings += rows.findings
            seen.beyond += rows.strays
            tell(part.end - manifest.start)
    return seen


def _unlike(file: Path, part: Part) -> str | None:
    if not file.is_file():
        return f"{part.name} is missing / tidak ada"
    with file.open("rb") as content:
        same = hashlib.file_digest(content, "sha256").hexdigest() == part.sha256
    text = f"{part.name} is not the file that was written: its SHA-256 is another / bukan berkas yang ditulis: SHA-256-nya lain"
    return None if same else text


def _look(seen: _Seen, node: Node, wanted: bytes, rows: FileRows) -> None:
    start, end = node.span
    found = rows.of(start, end)
    if not rows.readable:
        seen.nodes.append(None)  # what is wrong with the file is told of the file
        return
    judged = {place: judged_row(row) for place, row in found.items()}
    whole = len(judged) == end - start
    hashes = [judged[place].hash for place in range(start, end)] if whole else None
    own = _root_of(hashes)
    seen.nodes.append(own)
    if hashes and own == wanted:
        seen.findings += compare(start, hashes, judged).findings  # what is misfiled
        _remember(seen, node, hashes)
    else:
        beside = {place: bytes(row["leaf_hash"] or b"") for place, row in found.items()}
        seen.doubtful.append((node, judged, beside))


def _remember(seen: _Seen, node: Node, hashes: Sequence[bytes]) -> None:
    """Only where they are asked for: a month has millions."""
    if bisect_right(seen.sizes, node.span.start) < bisect_left(seen.sizes, node.span.end):
        seen.leaves[node] = hashes


def _unlike_kept(roots: Mapping[int, bytes], kept: Collection[Checkpoint]) -> list[Finding]:
    """Those that were signed over another history than this."""
    text = (
        "the log does not begin with the {size} leaves that were signed: its history was rewritten"
        " / log tidak diawali {size} daun yang ditandatangani: riwayatnya ditulis ulang"
    )
    return [
        Finding(Kind.CHECKPOINT, one.size, None, text.format(size=one.size))
        for one in kept
        if roots.get(one.size, one.root) != one.root
    ]


def _proved(manifest: Manifest, root: bytes, copies: Sequence[Path]) -> tuple[bytes, ...] | None:
    """The hashes of the subtrees that lead to the signed root: the manifest's, or those of published tiles."""
    if manifest.root() == root:
        return manifest.nodes
    return _led_to(manifest, root, [_root_of(published(node, copies)) for node in manifest.subtrees])


def _led_to(manifest: Manifest, root: bytes, nodes: Sequence[bytes | None]) -> tuple[bytes, ...] | None:
    """These, if they are all there and lead to this root."""
    known = tuple(node for node in nodes if node is not None)
    return known if len(known) == len(nodes) and manifest.root(known) == root else None


def _named(manifest: Manifest, nodes: Sequence[bytes], seen: _Seen, copies: Sequence[Path]) -> list[Finding]:
    """What is wrong with the events of doubtful subtrees."""
    signed = dict(zip(manifest.subtrees, nodes, strict=True))
    parts, findings = [], []
    for node, rows, beside in seen.doubtful:
        start, end = node.span
        own = [rows[place].hash if place in rows else b"" for place in range(start, end)]
        column = [beside.get(place, b"") for place in range(start, end)]
        good = [copy for copy in (own, column, published(node, copies)) if copy and _root_of(copy) == signed[node]]
        if good:
            parts.append(compare(start, good[0], rows))
            _remember(seen, node, good[0])
            continue
        findings += [
            Finding(Kind.DELETED, place, None, "the file has no row of it / berkasnya tidak memuat baris itu")
            for place in range(start, end)
            if place not in rows
        ]
        text = (
            f"events of places {start} to {end - 1} were changed, and no copy of their hashes is there"
            f" / peristiwa di tempat {start} sampai {end - 1} diubah, dan tidak ada salinan hash-nya"
        )
        findings.append(Finding(Kind.UNPROVABLE, start, None, text))
    return [*findings, *resolve([together(parts)], seen.beyond)]


def _root_of(hashes: Sequence[bytes] | None) -> bytes | None:
    return perfect_root(hashes) if hashes and all(hashes) else None
