import subprocess
import sys
import types
from pathlib import Path

import pytest

from edgeos.reporting.fingerprint import of_error, of_event, of_group, places
from tests.reporting.reporters import Oops, caught

ROOT = Path(__file__).parents[2]

BEFORE = """
class Link:
    def poll(self):
        return [self.read(name) for name in ('a',)]
    def read(self, name):
        raise ValueError(name)
def work():
    Link().poll()
"""
AFTER = """
import os
# a comment, and a line more in each function
class Link:
    def poll(self):
        names = ('a', 'b')
        return [self.read(name) for name in names]

    def read(self, name):
        '''New words.'''
        raise ValueError(name, 'something else')

def work():
    print('more', file=open(os.devnull, 'w'))
    Link().poll()
"""


def error_of(source: str, module: str = 'edgeos.made_up') -> BaseException:
    made = types.ModuleType(module)
    exec(compile(source, f'/somewhere/{module}.py', 'exec'), made.__dict__)
    try:
        made.work()
    except Exception as error:
        return error
    raise AssertionError


def test_it_survives_changes_of_lines_and_values() -> None:
    one, two = error_of(BEFORE), error_of(AFTER)
    assert places(one.__traceback__) == places(two.__traceback__)
    assert of_error(one, {'operation': 'poll'}) == of_error(two, {'operation': 'poll'})


def test_it_names_the_innermost_places_of_our_code() -> None:
    assert places(error_of(BEFORE).__traceback__)[-3:] == ['edgeos.made_up:work', 'edgeos.made_up:Link.poll', 'edgeos.made_up:Link.read']


def test_libraries_below_our_code_do_not_count() -> None:
    source = 'import json\ndef work():\n    json.loads("{")\n'
    assert places(error_of(source).__traceback__)[-1] == 'edgeos.made_up:work'
    assert places(error_of(source, 'other').__traceback__)[-1] == 'tests.reporting.test_fingerprint:error_of'


@pytest.mark.parametrize(('one', 'two'), [
    ((Oops('a'), {}), (ValueError('a'), {})),
    ((Oops('a'), {'operation': 'poll'}), (Oops('a'), {'operation': 'write'})),
    ((error_of(BEFORE), {}), (error_of(BEFORE.replace('read', 'load')), {})),
])  # fmt: skip
def test_kind_operation_and_place_make_the_difference(one: tuple[BaseException, dict[str, object]], two: tuple[BaseException, dict[str, object]]) -> None:
    assert of_error(*one) != of_error(*two)


def test_numbers_in_the_operation_and_other_context_make_none() -> None:
    same = {of_error(caught(text), {'operation': f'GET /api/x/{n}', 'connection_id': text}) for n, text in enumerate('abc')}
    assert len(same) == 1


def test_it_is_the_same_in_another_process() -> None:
    code = ('from edgeos.reporting.fingerprint import of_error\ntry:\n    from edgeos.globs import nothing\n'
            'except ImportError as error:\n    print(of_error(error, {"operation": "x"}))')  # fmt: skip
    told = {subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, env={'PYTHONHASHSEED': str(seed)}).stdout for seed in range(3)}
    assert len(told) == 1 and len(told.pop().strip()) == 16


def test_events_are_alike_in_spite_of_their_numbers() -> None:
    assert of_event('info', 'a', 'in 3.5 s') == of_event('info', 'a', 'in 12 s')
    assert len({of_event('info', 'a', 'x'), of_event('warning', 'a', 'x'), of_event('info', 'b', 'x'), of_event('info', 'a', 'y'), of_group('a')}) == 5
