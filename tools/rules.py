"""The project's own lint rules. Each docstring names the bug; the message says what to write instead.
 Rules read the syntax tree alone: they judge names, not types. What they cannot know is excused by a comment (see
tools.lint)."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """`find` gives the offending nodes of a module; it speaks to paths under `roots` (relative, with /) outside
    `but`."""

    name: str
    instead: str
    find: Callable[[ast.Module], Iterator[ast.AST]]
    roots: tuple[str, ...] = ("services/", "chassis/", "contracts/")
    but: tuple[str, ...] = ()

    def applies(self, path: str) -> bool:
        return path.startswith(self.roots) and path not in self.but


def commits(tree: ast.Module) -> Iterator[ast.AST]:
    """Half a batch becomes durable, or a decision outlives the state it was made on."""
    for call in _calls(tree):
        plain = isinstance(call.func, ast.Attribute) and not call.args and not call.keywords
        if plain and _last_name(call.func) in {"commit", "rollback", "begin", "begin_nested"}:
            yield call


def value_lists(tree: ast.Module) -> Iterator[ast.AST]:
    """`insert().values([...])` compiles a new statement for every number of rows, and caches each."""
    for call in _calls(tree):
        if _last_name(call.func) == "values" and call.args and isinstance(call.args[0], ast.List | ast.ListComp):
            yield call


_CLOCKS: Final = re.compile(
    r"(datetime\.)?(datetime\.(now|utcnow|today)|date\.today)|time\.time(_ns)?|(uuid\.)?uuid[14]"
)


def clocks(tree: ast.Module) -> Iterator[ast.AST]:
    """Business and wall time get mixed, a replay decides otherwise, a random id scatters an index."""
    for call in _calls(tree):
        if _CLOCKS.fullmatch(_dotted(call.func)):
            yield call


_SECRET: Final = re.compile(r"(^|_)(signature|hmac|digest|secret|token|password|api_key|mac)s?($|_)", re.IGNORECASE)


def comparisons(tree: ast.Module) -> Iterator[ast.AST]:
    """`==` stops at the first wrong byte: the time it takes tells a forger how far he got."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Compare) and all(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)):
            continue
        sides = [node.left, *node.comparators]
        columns = any(".c." in _dotted(side) for side in sides)  # SQLAlchemy: the database compares
        literal = any(isinstance(side, ast.Constant) for side in sides)
        if not columns and not literal and any(_SECRET.search(_subject(side)) for side in sides):
            yield node


def sequences(tree: ast.Module) -> Iterator[ast.AST]:
    """A number drawn while loading assigns a transaction id before state was read: a key's events overtake each
    other."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            if re.search(r"\bnextval\b", node.value, re.IGNORECASE):
                yield node
        elif isinstance(node, ast.Call) and _last_name(node.func) in {"nextval", "next_value"}:
            yield node


_MONEY: Final = re.compile(
    r"(^|_)(amount|rupiah|price|fee|balance|contribution|wage|income|discount|charge|total)s?($|_)", re.IGNORECASE
)


def floats(tree: ast.Module) -> Iterator[ast.AST]:
    """0.1 + 0.2: a rupiah is lost, and nobody finds where."""
    for node in ast.walk(tree):
        if any(_MONEY.search(name) for name in _made_float(node)):
            yield node


def _made_float(node: ast.AST) -> list[str]:
    """The names that this node turns into, or declares as, floating point."""
    if isinstance(node, ast.Call) and _dotted(node.func) in {"float", "round"}:
        return [name for argument in node.args for name in _names(argument)]
    if isinstance(node, ast.BinOp):
        literal = any(isinstance(s, ast.Constant) and isinstance(s.value, float) for s in (node.left, node.right))
        return _names(node) if literal or isinstance(node.op, ast.Div) else []
    if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation and "float" in _names(node.annotation):
        return _names(node.target) if isinstance(node, ast.AnnAssign) else [node.arg]
    return []


def tasks(tree: ast.Module) -> Iterator[ast.AST]:
    """The event loop keeps no reference: the task vanishes in mid-work, and its exception with it. (A TaskGroup keeps
    them.)"""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
            continue
        function = node.value.func
        owner = function.value if isinstance(function, ast.Attribute) else None
        loose = not isinstance(owner, ast.Name | ast.Attribute) or _last_name(owner) in {"asyncio", "loop", "_loop"}
        if _last_name(function) in {"create_task", "ensure_future"} and loose:
            yield node


def excepts(tree: ast.Module) -> Iterator[ast.AST]:
    """A bug is logged and forgotten; what it broke is found weeks later."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(kind is None or _last_name(kind) in {"Exception", "BaseException"} for kind in kinds)
        if broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
            yield node


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _subject(node: ast.expr) -> str:
    return _last_name(node.func) if isinstance(node, ast.Call) else _last_name(node)


def _names(node: ast.AST) -> list[str]:
    return [_last_name(inner) for inner in ast.walk(node) if isinstance(inner, ast.Name | ast.Attribute)]


_EVERYWHERE: Final = ("services/", "chassis/", "contracts/", "deploy/")

RULES: Final = (
    Rule(
        "commit",
        "leave it to chassis.batches: decide in a use case; write by projection or tx.defer",
        commits,
        but=("chassis/batches.py",),
    ),
    Rule("values", "chassis.rows.insert, upsert or add: one statement for any number of rows", value_lists),
    Rule(
        "clock",
        "tx.now, app.clock or chassis.ids.new_id",
        clocks,
        but=("chassis/clock.py", "chassis/ids.py"),
    ),
    Rule("compare", "hmac.compare_digest, whose time tells nothing", comparisons, roots=_EVERYWHERE),
    Rule("nextval", "app.numbers.take: from a block reserved beforehand", sequences, roots=("services/",)),
    Rule("float", "whole Rupiah: int, //, and the one rounding function", floats, roots=("services/", "contracts/")),
    Rule("task", "keep it where it outlives its work, or use asyncio.TaskGroup", tasks, roots=_EVERYWHERE),
    Rule("except", "name the exception, raise it on, or settle the matter and say how: `# settles: …`", excepts),
)
