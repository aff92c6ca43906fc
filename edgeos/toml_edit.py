"""Changes values in a TOML text and leaves every other character as its author wrote it.

tomlkit keeps a comment that stands above a table with the table before it, so deleting or extending tables there
loses comments or puts keys below them. Therefore lines are found and cut here, and tomlkit edits single statements.
"""

from __future__ import annotations

import re
from typing import Any

from edgeos.toml_inline import Change, Table, assign, change_statement, delete, deletions, loads, refit
from edgeos.toml_text import (
    BOM,
    HEADER,
    Block,
    CannotEdit,
    KeyPath,
    Statement,
    dotted,
    is_tables,
    literal,
    names,
    same,
    scan,
    starts,
    table_text,
)

COMMENTS = re.compile(r'(?:[ \t]*#[^\n]*(?:\n|\Z))*')
BLANKS = re.compile(r'(?:[ \t]*\r?\n)*')


def edited(text: str, wanted: Table) -> str:
    """Returns the text changed so that it says `wanted`. The text must be valid TOML; raises CannotEdit."""
    editor = _Editor(text)
    editor.update((), loads(text), wanted)
    result = editor.result()
    if not same(loads(result), wanted):
        raise CannotEdit('this layout cannot be changed in place')
    return result


class _Editor:
    """Applies one small change after the other; offsets are found anew after each."""

    def __init__(self, text: str) -> None:
        self._bom = BOM if text.startswith(BOM) else ''
        self._newline = '\r\n' if re.match(r'[^\n]*\r\n', text) else '\n'
        self._text = text.removeprefix(BOM)
        self._blocks = scan(self._text)

    def result(self) -> str:
        return self._bom + self._text

    def update(self, path: KeyPath, old: Any, new: Any) -> None:
        """Makes the text say `new` where it says `old` at this path, touching only what differs."""
        if same(old, new):
            return
        holder = self._holder(path)
        if old == [] and is_tables(new) and holder and holder.path == path and self._is_bare(holder):
            self._remove(path)
            self._insert(path, new)
        elif holder:
            self._edit_inline(path, lambda holder, key: refit(holder, key, new))
        elif isinstance(old, dict) and isinstance(new, dict):
            self._update_table(path, old, new)
        elif is_tables(old) and is_tables(new):
            self._update_tables(path, old, new)
        else:
            self._remove(path)
            self._insert(path, new)

    def _update_table(self, path: KeyPath, old: Table, new: Table) -> None:
        for key in [key for key in old if key not in new]:
            self._remove((*path, key))
        for key, value in new.items():
            if key in old:
                self.update((*path, key), old[key], value)
            else:
                self._insert((*path, key), value)
        if path and not new and not self._has(path):
            self._insert(path, new)

    def _update_tables(self, path: KeyPath, old: list[Table], new: list[Table]) -> None:
        gone = deletions(old, new)
        if gone is not None:
            for index in gone:
                self._remove((*path, index))
            return
        for index in range(len(old) - 1, len(new) - 1, -1):
            self._remove((*path, index))
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            self.update((*path, index), before, after)
        for table in new[len(old) :]:
            self._append_tables(path, [table])

    # --- inside one statement

    def _holder(self, path: KeyPath) -> Statement | None:
        """The statement whose value is this path or contains it."""
        statements = (statement for block in self._blocks for statement in block.statements)
        return next((statement for statement in statements if starts(path, statement.path)), None)

    def _edit_inline(self, path: KeyPath, change: Change) -> None:
        statement = self._holder(path)
        if statement is None:
            raise CannotEdit(f'{dotted(path)} was not found')
        value, whole = change_statement(
            self._text[statement.start : statement.end],
            statement.keys,
            path[len(statement.path) :],
            change,
        )
        if whole is None:
            self._splice(statement.value_start, statement.value_end, literal(value))
        else:
            self._splice(statement.start, statement.end, whole)

    # --- whole lines

    def _has(self, path: KeyPath) -> bool:
        paths = [block.path for block in self._blocks]
        paths += [statement.path for block in self._blocks for statement in block.statements]
        return any(starts(known, path) for known in paths)

    def _remove(self, path: KeyPath) -> None:
        holder = self._holder(path)
        if holder and holder.path != path:
            self._edit_inline(path, delete)
            return
        spans = [*self._table_spans(path), *self._dotted_spans(path)]
        for start, end in sorted(spans, reverse=True):
            self._cut(start, end)
        self._blocks = scan(self._text)

    def _table_spans(self, path: KeyPath) -> list[tuple[int, int]]:
        """From each first header of the path to the last line below it that is its own."""
        spans: list[tuple[int, int]] = []
        joined = False
        for block in self._blocks:
            if not block.path or not starts(block.path, path):
                joined = False
            elif joined:
                spans[-1] = (spans[-1][0], self._own_end(block))
            else:
                spans.append((block.start, self._own_end(block)))
                joined = True
        return spans

    def _dotted_spans(self, path: KeyPath) -> list[tuple[int, int]]:
        outside = [block for block in self._blocks if not block.path or not starts(block.path, path)]
        statements = [statement for block in outside for statement in block.statements]
        return [(statement.start, statement.end) for statement in statements if starts(statement.path, path)]

    def _own_end(self, block: Block) -> int:
        """Comments right below a block's last key are its own, unless they stand right above the next header."""
        end = block.statements[-1].end if block.statements else block.header_end
        comments = COMMENTS.match(self._text, end)
        after = comments.end() if comments else end
        return end if HEADER.match(self._text, after) else after

    def _cut(self, start: int, end: int) -> None:
        """Takes lines out, and of the blank lines around them those below."""
        before = self._text[:start]
        if self._is_blank_above(start):
            blanks = BLANKS.match(self._text, end)
            end = blanks.end() if blanks else end
            if end == len(self._text) and before.strip():
                before = before.rstrip() + self._newline
        self._text = before + self._text[end:]

    def _insert(self, path: KeyPath, value: Any) -> None:
        parent, depth = path[:-1], len(names(path))
        if self._holder(parent):
            self._edit_inline(path, assign(value))
        elif isinstance(value, dict) and depth <= 2:
            self._insert_lines(self._end_of(parent), table_text(path, value, '[{}]'), apart=True)
        elif is_tables(value) and depth == 1:
            self._append_tables(path, value)
        else:
            self._insert_key(path, value)

    def _append_tables(self, path: KeyPath, tables: list[Table]) -> None:
        for table in tables:
            at = self._end_of(path if self._has(path) else path[:-1])
            self._insert_lines(at, table_text(path, table, '[[{}]]'), apart=True)

    def _insert_key(self, path: KeyPath, value: object) -> None:
        """Below the last key of the same table, whether that has a header or is spelled out by dotted keys."""
        parent = path[:-1]
        if (home := self._home(parent)) is None:
            self._insert_lines(self._end_of(parent), f'[{dotted(parent)}]\n', apart=True)
            home = self._home(parent)
        if home is None:
            raise CannotEdit(f'there is no place for {dotted(path)}')
        block, siblings = home
        at = siblings[-1].end if siblings else self._own_end(block)
        indent = siblings[-1].indent if siblings else ''
        line = f'{indent}{dotted(path[len(block.path) :])} = {literal(value, one_per_line=True)}\n'
        self._insert_lines(at, line, apart=False)

    def _home(self, table: KeyPath) -> tuple[Block, list[Statement]] | None:
        """The block that holds the keys of a table, and those keys."""
        for block in self._blocks:
            if block.path == table:
                return block, block.statements
        for block in self._blocks:
            siblings = [statement for statement in block.statements if starts(statement.path, table)]
            if siblings and starts(table, block.path):
                return block, siblings
        return None

    def _end_of(self, path: KeyPath) -> int:
        """Where another table may follow: behind what belongs to the same element, else at the end of the text."""
        blocks = [block for block in self._blocks if path and starts(block.path, path)]
        return self._own_end(blocks[-1]) if blocks else len(self._text)

    def _insert_lines(self, at: int, lines: str, *, apart: bool) -> None:
        """`apart` keeps a blank line above, and below when a line follows."""
        unfinished = at > 0 and self._text[at - 1] != '\n'
        if apart and not self._is_blank_above(at):
            lines = '\n' + lines
        if apart and self._text[at:].split('\n', 1)[0].strip():
            lines += '\n'
        self._splice(at, at, '\n' + lines if unfinished else lines)

    def _is_blank_above(self, at: int) -> bool:
        """True at the start of the text too."""
        return not self._text[:at].removesuffix('\n').rpartition('\n')[2].strip()

    def _is_bare(self, statement: Statement) -> bool:
        return '#' not in self._text[statement.start : statement.end]

    def _splice(self, start: int, end: int, new: str) -> None:
        new = new.replace('\r\n', '\n').replace('\n', self._newline)
        self._text = self._text[:start] + new + self._text[end:]
        self._blocks = scan(self._text)
