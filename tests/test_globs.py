"""Globs over point ids."""
import pytest

from edgeos.globs import compile_glob


@pytest.mark.parametrize(('glob', 'matches', 'differs'), [
    ('plc/MAIN.*', ['plc/MAIN.a', 'plc/MAIN.a.b', 'plc/MAIN.'], ['plc/MAIN', 'plc/MAIN.a/b', 'xplc/MAIN.a']),
    ('m/*/t', ['m/kitchen/t', 'm//t'], ['m/a/b/t', 'm/t']),
    ('m/**', ['m/a', 'm/a/b/c', 'm/'], ['n/a']),
    ('m/**/t', ['m/a/t', 'm/a/b/t'], ['m/t']),
    ('a[0]', ['a[0]'], ['a0']),
    ('a?b.c', ['a?b.c'], ['axb.c', 'a?bxc']),
    ('m/*', ['m/line\nbreak', 'm/🔥'], ['m/a/b']),
])  # fmt: skip
def test_star_stays_within_a_level_and_two_cross_levels(glob, matches, differs):
    pattern = compile_glob(glob)
    assert [text for text in matches if not pattern.fullmatch(text)] == []
    assert [text for text in differs if pattern.fullmatch(text)] == []


def test_case_counts_unless_told_otherwise():
    assert not compile_glob('plc/MAIN.*').fullmatch('plc/main.a')
    assert compile_glob('plc/MAIN.*', ignore_case=True).fullmatch('plc/main.A')


def test_what_a_star_stood_for_can_be_taken_out():
    assert compile_glob('m/*/x/**').fullmatch('m/a/x/b/c').groups() == ('a', 'b/c')
