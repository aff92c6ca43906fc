"""What is done again and again tells of its trouble once."""
import pytest

from edgeos.reporting.boundary import Boundary


def told(caplog: pytest.LogCaptureFixture) -> int:
    return sum('to count' in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(('once', 'times'), [(False, 2), (True, 1)])
def test_each_outage_is_told_once_or_only_the_first(caplog: pytest.LogCaptureFixture, once: bool, times: int) -> None:
    boundary, done = Boundary('to count', once=once), 0
    for fails in (False, True, True, True, False, True, True):
        with boundary:
            if fails:
                raise OSError('broken for a test')
            done += 1
    assert (told(caplog), done) == (times, 2)


def test_what_ends_the_program_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit), Boundary('to count'):
        raise SystemExit(3)
    assert told(caplog) == 0
