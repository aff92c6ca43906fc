"""Every text a page may show, found in the code: `_('...')`, failures, notices, titles, the demo's switches, troubles."""
import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXTS: dict[str, tuple[int | str, ...]] = {  # by what is called: which of its arguments are texts
    '_': (0,), 'ConnectionFailure': (1, 2), '_failure': (1, 2), 'Notice': (0,), 'BackupError': (0,),
    'WriteRefused': (0,), 'ValueRefused': (0,), 'frame': (1,),
    'Switch': (1, 2, 'name', 'explanation'), 'said': (0,), 'Words': (1, 2, 3), 'Guess': (1,), 'ValueFormatError': (0,),
    'BadDsn': (0,), 'Why': (0,), 'fault': (1, 2), 'protocol': (0,), 'BadLine': (0,),
    'Phrase': (0,), 'begin': (2,),
}  # fmt: skip
TROUBLES = ('edgeos/reporting/*.py', 'edgeos/plugins/faults.py', 'edgeos/power.py')  # whose constants are sentences that a page shows
NOT_SHOWN = frozenset(('TEST_MESSAGE',))


@cache
def messages() -> dict[str, str]:
    """English text to the place where it first stands."""
    found: dict[str, str] = {}
    for place, argument, scope in arguments():
        for text in texts_of(argument, scope):
            if text.strip():
                found.setdefault(text, place)
    for text, place in troubles():
        found.setdefault(text, place)
    return found


def troubles() -> Iterator[tuple[str, str]]:
    """Sentences that are constants of their module, each with its place."""
    for path in sorted(path for places in TROUBLES for path in ROOT.glob(places)):
        for node in ast.parse(path.read_text(encoding='utf-8')).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                name, text = ast.unparse(node.targets[0]), node.value.value
                if isinstance(text, str) and text.endswith('.') and ' ' in text and name not in NOT_SHOWN:
                    yield text, f'{path.relative_to(ROOT)}:{node.lineno}'


def passed_on() -> set[str]:
    """Arguments that are no texts themselves, as 'file: code'; what comes through them must be found elsewhere."""
    return {f'{place.partition(":")[0]}: {ast.unparse(argument)}'
            for place, argument, scope in arguments() if not texts_of(argument, scope)}  # fmt: skip


def arguments() -> Iterator[tuple[str, ast.expr, ast.AST]]:
    """Where a text is meant: 'file:line', the argument, and the innermost function around it."""
    for folder in ('pages', 'edgeos'):
        for path in sorted((ROOT / folder).rglob('*.py')):
            for call, scope in calls_in(ast.parse(path.read_text(encoding='utf-8'))):
                for argument in meant(call):
                    yield f'{path.relative_to(ROOT)}:{call.lineno}', argument, scope


def calls_in(scope: ast.AST, node: ast.AST | None = None) -> Iterator[tuple[ast.Call, ast.AST]]:
    """All calls in the order they stand, each with the function it stands in."""
    for child in ast.iter_child_nodes(node or scope):
        if isinstance(child, ast.Call):
            yield child, scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from calls_in(child)
        else:
            yield from calls_in(scope, child)


def meant(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call that are texts."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, 'attr', '')
    wanted = TEXTS.get(name, ())
    return [*(argument for at, argument in enumerate(call.args) if at in wanted),
            *(keyword.value for keyword in call.keywords if keyword.arg in wanted)]  # fmt: skip


def texts_of(node: ast.expr, scope: ast.AST) -> list[str]:
    """All that an argument can be, as far as the function it stands in writes it out."""
    return [found.value for found in written(node, scope)
            if isinstance(found, ast.Constant) and isinstance(found.value, str)]  # fmt: skip


def written(node: ast.expr, scope: ast.AST, seen: frozenset[str] = frozenset()) -> Iterator[ast.expr]:
    """What is written out where the code says it by a choice, by a name, or as what is in a table."""
    if isinstance(node, ast.IfExp | ast.BoolOp):
        for each in node.values if isinstance(node, ast.BoolOp) else (node.body, node.orelse):
            yield from written(each, scope, seen)
    elif isinstance(node, ast.Name):
        if node.id not in seen:
            for value in bound(node.id, scope, seen | {node.id}):
                yield from written(value, scope, seen | {node.id})
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ('items', 'values'):
        for table in written(node.func.value, scope, seen):
            if isinstance(table, ast.Dict):
                keys = [key or ast.Constant(None) for key in table.keys]
                pairs: list[ast.expr] = [ast.Tuple(list(pair)) for pair in zip(keys, table.values, strict=True)]
                yield ast.List(pairs if node.func.attr == 'items' else table.values)
    else:
        yield node


def bound(name: str, scope: ast.AST, seen: frozenset[str]) -> Iterator[ast.expr]:
    """What a name is given: by an assignment, or by a loop over something that is written out."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from matching(name, target, node.value)
        elif isinstance(node, ast.For | ast.comprehension) and matching(name, node.target, node.target):
            for found in written(node.iter, scope, seen):
                for item in getattr(found, 'elts', ()):
                    yield from matching(name, node.target, item)


def matching(name: str, target: ast.expr, value: ast.expr) -> list[ast.expr]:
    """The part of a value that a target such as `id, (name, text)` gives that name."""
    if isinstance(target, ast.Name):
        return [value] if target.id == name else []
    parts = zip(getattr(target, 'elts', ()), getattr(value, 'elts', ()), strict=False)
    return [found for part, each in parts for found in matching(name, part, each)]
