"""The little of Markdown that a readme needs, from text that nobody has checked. Pure; time is linear in the length.

What comes out has the tags below only, no attribute but an https or http `href`, no picture and no HTML of its author.
"""
import re
from collections.abc import Callable, Iterator
from html import escape
from itertools import groupby

MOST_CHARACTERS = 64 * 1024
MOST_LINE = 4000
CODE = ' ' * 4  # in front of a line that is neither text nor in a list

_HEADING = re.compile(r'(#{1,6})[ \t]+(\S.*)')
_ITEM = re.compile(r'( {0,12})(?:[-*+]|(\d{1,4})[.)])[ \t]+(\S.*)')
_RULE = re.compile(r'(?:-{3,}|\*{3,}|_{3,})')
_TABLE_RULE = re.compile(r'[-:| \t]{3,}')
# each alternative ends at the first closing mark, and none can be entered twice from the same place
_INLINE = re.compile(r'`([^`]{1,500})`|\*\*([^*]{1,500})\*\*|\*([^*\s][^*]{0,500})\*'
                     r'|!\[([^\]]{0,300})\]\([^)\s]{0,500}\)|\[([^\]]{1,300})\]\(([^)\s]{1,500})\)')  # fmt: skip
_ADDRESS = re.compile(r'https?://[^\s<>"\'\\]{1,480}')


def render(text: str) -> str:
    """HTML that can be shown as it is. Takes up to 100 ms: for a thread where the text is long."""
    lines = text[:MOST_CHARACTERS].replace('\r\n', '\n').replace('\x00', '').expandtabs(4).split('\n')
    return '\n'.join(_blocks([line[:MOST_LINE] for line in lines]))


def _blocks(lines: list[str]) -> Iterator[str]:
    at, in_list = 0, False
    while at < len(lines):
        line = lines[at].strip()
        in_list = in_list and (not line or lines[at].startswith(' '))
        if not line:
            at += 1
        elif line.startswith('```'):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].strip().startswith('```')), len(lines))
            yield f'<pre>{escape(chr(10).join(lines[at + 1:end]))}</pre>'
            at = end + 1
        elif lines[at].startswith(CODE) and not in_list:
            end = _end(lines, at, lambda text: text.startswith(CODE) or not text.strip())
            yield f'<pre>{escape(_set_out(lines[at:end]))}</pre>'
            at = end
        elif heading := _HEADING.fullmatch(line):
            level = min(6, len(heading[1]) + 2)  # the page has its own two
            yield f'<h{level}>{_inline(heading[2].rstrip("# "))}</h{level}>'
            at += 1
        elif _RULE.fullmatch(line):
            yield '<hr>'
            at += 1
        elif _is_table(lines, at):
            end = _end(lines, at, lambda text: '|' in text)
            yield _table(lines[at:end])
            at = end
        elif _ITEM.fullmatch(lines[at].rstrip()):
            end = _end(lines, at, lambda text: bool(text.strip()))
            yield _list(lines[at:end])
            at, in_list = end, True
        else:
            end = _end(lines, at, _goes_on)
            yield f'<p>{_inline(" ".join(each.strip().lstrip(">").strip() for each in lines[at:end]))}</p>'
            at = end


def _end(lines: list[str], at: int, goes_on: Callable[[str], bool]) -> int:
    end = at + 1
    while end < len(lines) and goes_on(lines[end]):
        end += 1
    return end


def _goes_on(text: str) -> bool:
    line = text.strip()
    return bool(line) and not line.startswith(('```', '#')) and not _ITEM.fullmatch(text.rstrip())


def _set_out(lines: list[str]) -> str:
    return '\n'.join(line.removeprefix(CODE).rstrip() for line in lines).strip('\n')


def _is_table(lines: list[str], at: int) -> bool:
    return '|' in lines[at] and at + 1 < len(lines) and '-' in lines[at + 1] and '|' in lines[at + 1] \
        and bool(_TABLE_RULE.fullmatch(lines[at + 1].strip()))  # fmt: skip


def _table(lines: list[str]) -> str:
    rows = [[_inline(cell.strip()) for cell in line.strip().strip('|').split('|')[:20]] for line in lines]
    head = ''.join(f'<th>{cell}</th>' for cell in rows[0])
    body = ''.join('<tr>' + ''.join(f'<td>{cell}</td>' for cell in row) + '</tr>' for row in rows[2:])
    return f'<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _list(lines: list[str]) -> str:
    """Two levels: what is set in further belongs to the item above."""
    items: list[tuple[bool, str]] = []  # is it set in, its text
    first = _ITEM.fullmatch(lines[0].rstrip())
    assert first is not None
    for line in lines:
        if found := _ITEM.fullmatch(line.rstrip()):
            items.append((len(found[1]) > len(first[1]) + 1, found[3]))
        else:
            items[-1] = (items[-1][0], f'{items[-1][1]} {line.strip()}')
    made = ''
    for is_deep, group in groupby(items, key=lambda item: item[0]):
        inner = ''.join(f'<li>{_inline(text)}</li>' for _deep, text in group)
        made = f'{made.removesuffix("</li>")}<ul>{inner}</ul></li>' if is_deep else made + inner
    if not first[2]:
        return f'<ul>{made}</ul>'
    return f'<ol start="{int(first[2])}">{made}</ol>' if first[2] != '1' else f'<ol>{made}</ol>'


def _inline(text: str) -> str:
    made, at = [], 0
    for found in _INLINE.finditer(text):
        made += [escape(text[at:found.start()]), _marked(found)]
        at = found.end()
    return ''.join(made) + escape(text[at:])


def _marked(found: re.Match[str]) -> str:
    code, strong, weak, picture, label, address = (escape(part or '') for part in found.groups())
    if code:
        return f'<code>{code}</code>'
    if strong or weak:
        return f'<strong>{strong}</strong>' if strong else f'<em>{weak}</em>'
    if not address:
        return picture
    if not _ADDRESS.fullmatch(found[6]):
        return label
    return f'<a href="{address}" target="_blank" rel="noopener noreferrer nofollow">{label}</a>'

