"""The last words of a plugin, whatever it says."""
from edgeos.plugins.plugin_log import ALL_BYTES, LINE_BYTES, LINES, LINES_PER_SECOND, PluginLog
from tests.helpers import FakeClock


def texts(log: PluginLog) -> list[str]:
    return [line.text for line in log.lines()]


def test_the_last_thousand_lines_are_kept_and_new_ones_can_be_asked_for() -> None:
    clock = FakeClock()
    log = PluginLog(clock)
    for n in range(1500):
        clock.advance(0.02)
        log.add('info', f'line {n}')
    assert len(log.lines()) == LINES and texts(log)[0] == 'line 500'
    seen = log.count
    assert log.lines(seen) == []
    log.add('error', 'new')
    assert [(line.level, line.text) for line in log.lines(seen)] == [('error', 'new')]
    assert log.lines(10)[0].text == 'line 501', 'what is gone is passed over'


def test_more_than_a_hundred_in_a_second_are_counted_and_the_count_is_said() -> None:
    clock = FakeClock()
    log = PluginLog(clock)
    for n in range(250):
        log.add('info', str(n))
    assert len(log.lines()) == LINES_PER_SECOND and log.left_out == 150
    clock.advance(1)
    log.add('info', 'later')
    assert texts(log)[-2].startswith('(150 more lines were left out') and texts(log)[-1] == 'later'


def test_lines_of_the_app_are_never_left_out() -> None:
    log = PluginLog(FakeClock())
    for n in range(250):
        log.add('info', str(n))
    log.note('warning', '(ended)')
    assert texts(log)[-1] == '(ended)' and '150 more' in texts(log)[-2]


def test_a_line_has_at_most_8_kb_and_no_control_characters() -> None:
    log = PluginLog(FakeClock())
    for text in ('x' * 20_000, 'ü' * 20_000, '😀' * 7_999, 'a\x00b\x1b[31m\r\n\tc\ud800'):
        log.add('nonsense', text)
    lines = log.lines()
    assert all(len(line.text.encode()) <= LINE_BYTES and line.level == 'info' for line in lines)
    assert len(lines[1].text) > 3900
    assert lines[3].text == 'a\ufffdb\ufffd[31m\ufffd\n\tc\ufffd'


def test_it_takes_a_mebibyte_at_most() -> None:
    clock = FakeClock()
    log = PluginLog(clock)
    for _ in range(1000):
        clock.advance(0.1)
        log.add('info', 'x' * 8000)
    assert sum(map(len, texts(log))) <= ALL_BYTES
