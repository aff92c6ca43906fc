"""Editing a TOML text in place: what is not changed stays as it was, character by character."""

import copy
import random
import tomllib
from typing import Any

import pytest

from edgeos.toml_edit import edited
from edgeos.toml_text import Block, CannotEdit

HOUSE = """\
# My house
[app]
port = 8080   # behind the proxy
# language = "auto"

# ---- links ----

# The PLC in the cellar
[[connections]]
id = "a"  # do not rename
type = "plc"
[connections.config]
host = "x"
variables = [
    {name = "one", offset = 1},  # pump
    # loose
    {name = "two", offset = 2},
]
# adapter = "hci0"

# The battery
[[connections]]
id = "b"
type = "bluetooth"
  [connections.config]
  address = "AA"
  note = '''
[[connections]]
# no comment, but text
'''
  [[connections.config.characteristics]]
  uuid = "1"
  # second one
  [[connections.config.characteristics]]
  uuid = "2"
# The broker, right above its table
[[connections]]
id = 'c'
config.host = "h" # dotted
config.topics = ["#"]

# What goes where
[[routes]]
id = "r"

# the end
"""


def changed(text: str, change: Any) -> str:
    data = tomllib.loads(text.removeprefix('\ufeff'))
    change(data)
    result = edited(text, data)
    assert tomllib.loads(result.removeprefix('\ufeff')) == data
    return result


def without(text: str, *lines: str) -> str:
    for line in lines:
        assert line in text
        text = text.replace(line, '', 1)
    return text


def test_changing_nothing_returns_the_same_text() -> None:
    assert changed(HOUSE, lambda data: None) == HOUSE


def test_a_changed_value_keeps_its_comment() -> None:
    result = changed(HOUSE, lambda data: data['app'].update(port=80))
    assert result == HOUSE.replace('port = 8080   # behind', 'port = 80   # behind')


def test_a_new_key_goes_below_the_last_key_of_its_table_and_not_below_the_next_comment() -> None:
    result = changed(HOUSE, lambda data: data['connections'][1].update(enabled=False))
    assert result == HOUSE.replace('type = "bluetooth"\n', 'type = "bluetooth"\nenabled = false\n')


def test_a_new_key_takes_the_indentation_of_its_table() -> None:
    result = changed(HOUSE, lambda data: data['connections'][1]['config'].update(poll_s=5))
    assert result == HOUSE.replace("text\n'''\n", "text\n'''\n  poll_s = 5\n")


def test_a_new_key_beside_dotted_keys_is_dotted() -> None:
    result = changed(HOUSE, lambda data: data['connections'][2]['config'].update(port=1))
    assert result == HOUSE.replace('config.topics = ["#"]\n', 'config.topics = ["#"]\nconfig.port = 1\n')


def test_removing_the_first_connection_keeps_the_comments_around_it() -> None:
    result = changed(HOUSE, lambda data: data['connections'].pop(0))
    start, end = HOUSE.index('[[connections]]\nid = "a"'), HOUSE.index('\n# The battery')
    assert result == HOUSE[:start] + HOUSE[end:]


def test_removing_the_middle_connection_keeps_the_comment_right_above_the_next() -> None:
    result = changed(HOUSE, lambda data: data['connections'].pop(1))
    start, end = HOUSE.index('[[connections]]\nid = "b"'), HOUSE.index('# The broker')
    assert result == HOUSE[:start] + HOUSE[end:]


def test_removing_the_last_connection_keeps_the_routes_and_their_comment() -> None:
    result = changed(HOUSE, lambda data: data['connections'].pop())
    start, end = HOUSE.index("[[connections]]\nid = 'c'"), HOUSE.index('\n# What goes')
    assert result == HOUSE[:start] + HOUSE[end:]


def test_a_new_connection_follows_the_last_one_and_not_the_routes() -> None:
    new = {'id': 'd', 'type': 'mqtt', 'config': {'host': 'h', 'write_topics': {'a b': 't'}}}
    result = changed(HOUSE, lambda data: data['connections'].append(new))
    table = (
        '\n[[connections]]\nid = "d"\ntype = "mqtt"\n[connections.config]\nhost = "h"\nwrite_topics = {"a b" = "t"}\n'
    )
    assert result == HOUSE.replace('config.topics = ["#"]\n', 'config.topics = ["#"]\n' + table)


def test_adding_and_removing_a_connection_leaves_the_text_as_it_was() -> None:
    added = changed(HOUSE, lambda data: data['connections'].append({'id': 'd', 'type': 'x'}))
    assert changed(added, lambda data: data['connections'].pop()) == HOUSE


def test_a_nested_table_is_removed_from_the_middle() -> None:
    result = changed(HOUSE, lambda data: data['connections'][1]['config']['characteristics'].pop(0))
    assert result == without(HOUSE, '  [[connections.config.characteristics]]\n  uuid = "1"\n')


def test_a_value_in_a_nested_table_is_changed_alone() -> None:
    result = changed(HOUSE, lambda data: data['connections'][1]['config']['characteristics'][1].update(uuid='9'))
    assert result == HOUSE.replace('uuid = "2"', 'uuid = "9"')


def test_items_of_an_array_over_several_lines_keep_their_comments() -> None:
    result = changed(HOUSE, lambda data: data['connections'][0]['config']['variables'].pop(1))
    assert result == without(HOUSE, '    {name = "two", offset = 2},\n')
    result = changed(HOUSE, lambda data: data['connections'][0]['config']['variables'][0].update(offset=7))
    assert result == HOUSE.replace('offset = 1}', 'offset = 7}')


def test_a_table_that_is_missing_is_made_at_the_end() -> None:
    assert changed('a = 1', lambda data: data.update(limits={'cpu': 2})) == 'a = 1\n\n[limits]\ncpu = 2\n'


def test_inline_connections_stay_inline() -> None:
    text = 'connections = [{id = "a", config = {host = "h"}}, # first\n  {id = "b"},\n]\n[app]\n'
    result = changed(text, lambda data: data['connections'].append({'id': 'c'}))
    assert result == text.replace('{id = "b"},\n', '{id = "b"},\n  {id = "c"},\n')
    result = changed(text, lambda data: data['connections'][0]['config'].update(host='i'))
    assert result == text.replace('"h"', '"i"')
    assert '# first' not in changed(text, lambda data: data['connections'].pop(0))


def test_an_empty_inline_list_gives_way_to_tables() -> None:
    result = changed('connections = []\n[app]\n', lambda data: data['connections'].append({'id': 'c'}))
    assert result == '[app]\n\n[[connections]]\nid = "c"\n'


def test_tables_of_one_connection_may_stand_apart() -> None:
    text = '[[connections]]\nid = "a"\n\n[[routes]]\nid = "r"\n\n[connections.config]\nx = 1\n\n'
    text += '[[connections]]\nid = "b"\n'
    result = changed(text, lambda data: data['connections'].pop(0))
    assert result == '[[routes]]\nid = "r"\n\n[[connections]]\nid = "b"\n'


@pytest.mark.parametrize('text', [HOUSE.replace('\n', '\r\n'), '\ufeff' + HOUSE])
def test_line_ends_and_byte_order_mark_stay(text: str) -> None:
    def change(data: dict[str, Any]) -> None:
        data['connections'][0]['config'].update(host='y', variables=[{'name': 'one'}], new=[{'a': 1}])
        data['connections'].append({'id': 'd', 'config': {'k': 1}})

    data = tomllib.loads(text.removeprefix('\ufeff'))
    change(data)
    result = edited(text, data)
    assert result.startswith('\ufeff') == text.startswith('\ufeff')
    assert '\n' not in result.replace('\r\n', '') if '\r\n' in text else '\r' not in result


@pytest.mark.parametrize(
    'value', ['a\nb', '"', "'", '\\', '\x00', '\x7f', '\u2028', 'é😀', '', '#', '[[x]]', 0, -1.5, 1e22, True]
)
def test_any_value_and_any_key_can_be_written(value: object) -> None:
    changed(HOUSE, lambda data: data['connections'][0]['config'].update({'host': value, str(value): [value]}))


def test_a_result_that_says_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('edgeos.toml_edit.scan', lambda text: [Block((), 0, 0)])  # as if no header were found
    with pytest.raises(CannotEdit):
        edited(HOUSE, {})


def test_true_and_one_are_not_the_same() -> None:
    assert edited('a = 1\nb = [1]\n', {'a': True, 'b': [1.0]}) == 'a = true\nb = [1.0]\n'


def _some_change(dice: random.Random, data: dict[str, Any]) -> None:
    connections = data.setdefault('connections', [])
    choice = dice.randrange(5)
    if choice == 0 or not connections:
        config = {'host': 'h', 'list': [1, 2], 'tables': [{'k': 1}], 'map': {'k k': 'v'}}
        connections.append({'id': f'n{dice.random()}', 'config': config})
    elif choice == 1:
        connections.pop(dice.randrange(len(connections)))
        if not connections:
            del data['connections']
    elif choice == 2:
        data.setdefault('app', {})[dice.choice(['port', 'host', 'new'])] = dice.choice([1, 'x', True, ['a']])
    else:
        config = dice.choice(connections).setdefault('config', {})
        config[dice.choice([*config, 'fresh'])] = dice.choice(
            [1, 'x', [], ['a', 'b'], {'k': 1}, [{'k': 1}, {'k': 2}], {}]
        )


@pytest.mark.parametrize('seed', range(60))
def test_many_changes_in_a_row_say_what_they_should_and_keep_the_headings(seed: int) -> None:
    dice = random.Random(seed)
    text = dice.choice([HOUSE, HOUSE.replace('\n', '\r\n'), '', HOUSE.rstrip()])
    for _ in range(8):
        wanted = copy.deepcopy(tomllib.loads(text))
        _some_change(dice, wanted)
        before, text = text, edited(text, wanted)
        assert tomllib.loads(text) == wanted
        for heading in ('# My house', '# ---- links ----', '# The battery', '# What goes where', '# the end'):
            assert before.count(heading) == text.count(heading)
