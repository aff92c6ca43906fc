"""What a plugin asks to be allowed."""
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeos.globs import compile_glob
from edgeos.plugins.permissions import BadPermission, added, http_ports, matches, may_read, may_write, parse
from tests.helpers import patient


@pytest.mark.parametrize('text', ['points.read:plc_001/MAIN.*', 'points.write:**', 'http.out:*:443', 'http.out:host:*', 'http.out:[::1]:80',
                                  'http.out:192.168.2.20:502', 'points.read:mqtt/a b/ü'])
def test_a_permission_reads_as_it_was_written(text):
    assert str(parse(text)) == text


@pytest.mark.parametrize('text', ['', 'points.read', 'points.read:', 'points.delete:**', 'storage', 'http.out:host', 'http.out::80', 'http.out:a b:80',
                                  'http.out:host:0', 'http.out:host:65536', 'http.out:host:x', 'http.out:http://host:80', 'points.read:a\nb',
                                  'points.read:' + 'x' * 600, 'POINTS.READ:**', 'http.out:-x:1', 'http.out:host:８０'])
def test_what_is_none_is_refused_in_one_line(text):
    with pytest.raises(BadPermission) as caught:
        parse(text)
    assert str(caught.value).startswith('expected ')
    assert '\n' not in str(caught.value)


def test_reading_and_writing_are_apart():
    allowed = [parse('points.read:plc/**'), parse('points.write:plc/a')]
    assert may_read(allowed, 'plc/x/y')
    assert not may_read(allowed, 'mqtt/x')
    assert may_write(allowed, 'plc/a')
    assert not may_write(allowed, 'plc/b')
    assert not may_read([parse('http.out:*:*')], 'plc/a')


def test_case_counts_but_for_sources_that_ignore_it():
    allowed = [parse('points.read:plc/main.*')]
    assert not may_read(allowed, 'plc/MAIN.x')
    assert may_read(allowed, 'plc/MAIN.x', ignore_case=True)


def test_ports_are_those_that_are_named():
    assert http_ports([parse('points.read:**')]) == set()
    assert http_ports([parse('http.out:*:443'), parse('http.out:host:502')]) == {443, 502}
    assert http_ports([parse('http.out:*:443'), parse('http.out:host:*')]) is None


def test_only_what_is_new_is_asked_for_again():
    assert added(['points.read:a', 'points.read:b'], ['points.read:b', 'points.read:c']) == ['points.read:c']


@given(st.text('a/*', max_size=7), st.text('a/b', max_size=8))
def test_matching_is_that_of_all_globs(glob, text):
    assert matches(glob, text) == bool(compile_glob(glob).fullmatch(text))


def test_a_hostile_glob_takes_no_time():
    start = time.thread_time()
    assert not matches('**a' * 150 + 'b', 'a' * 2000)
    assert not matches('*a' * 200 + 'b', 'a' * 2000)
    assert time.thread_time() - start < patient(0.5)
