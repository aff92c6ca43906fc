"""The log of a plugin: repeats merged, numbers that grow."""
from pages.plugin_log import Ordered, entries_of, epoch_of, spread
from pages.point_picker import find, matching


def line(text, t=1.0, level='info'):
    return {'t': t, 'level': level, 'text': text}


def test_the_same_line_again_is_counted():
    entries = entries_of([line('a', 1), line('a', 2), line('b', 3), line('a', 4), line('a', 5, 'error')])
    assert [(entry.text, entry.count, entry.t, entry.last) for entry in entries] == [
        ('a', 2, 1, 2), ('b', 1, 3, 3), ('a', 1, 4, 4), ('a', 1, 5, 5)]
    assert epoch_of('1970-01-01T00:00:10+00:00') == 10


def test_control_characters_are_shown_and_unknown_levels_are_info():
    (entry,) = entries_of([line('a\x1b[2J\u202e', level='LOUD')])
    assert (entry.text, entry.level) == ('a\\x1b[2J\\u202e', 'info')


def test_numbers_stay_and_grow():
    log, lines = Ordered(), [line('a', 1), line('b', 2)]
    _oldest, first = log.take(spread(entries_of(lines)))
    oldest, changed = log.take(spread(entries_of([*lines, line('c', 3)])))
    assert [each[0] for each in first] == [0, 1]
    assert (oldest, [(each[0], each[3]) for each in changed]) == (0, [(2, 'c')])


def test_a_repeat_that_is_cut_at_the_old_end_keeps_the_order():
    log, lines = Ordered(), [line('a', n) for n in range(5)] + [line('b', 9)]
    log.take(spread(entries_of(lines)))
    oldest, changed = log.take(spread(entries_of(lines[2:])))
    assert [each[3] for each in changed] == ['a', 'b']
    assert oldest == changed[0][0] > 1  # all that the browser had is gone


def test_lines_of_the_same_moment_are_all_kept():
    log = Ordered()
    _oldest, changed = log.take(spread(entries_of([line('a'), line('b'), line('a'), line('b')])))
    assert [each[3] for each in changed] == ['a', 'b', 'a', 'b']


def test_points_are_found_by_text_and_by_pattern():
    named = {'plc': ['MAIN.a2', 'MAIN.a10'], 'mqtt': ['kitchen/lamp', 'hall/lamp']}
    assert find(named, 'main') == (['plc/MAIN.a2', 'plc/MAIN.a10'], 2)
    assert find(named, 'mqtt/*/lamp') == (['mqtt/hall/lamp', 'mqtt/kitchen/lamp'], 2)
    assert matching(named, '**') == 4
    assert matching(named, '*' * 40) is None
