import pytest

from edgeos.reporting.answers import (
    ACCEPTED,
    BUSY_SECONDS,
    LATER,
    MOST_SECONDS,
    REFUSED,
    WRONG_ADDRESS,
    WRONG_DSN,
    judge,
    limited_for,
    retry_after,
)

NOW = 1_700_000_000.0


@pytest.mark.parametrize(('header', 'seconds'), [
    ('60:error:key', 60), ('60::organization', 60), ('60', 60), ('60:default:key', 60), ('60:transaction:key', 0), ('60:transaction;error:key', 60),
    ('10:error:key, 2700:transaction:organization, 30::key', 30), ('', 0), ('nonsense', 0), ('-5::key', 0), ('nan::key', 0), ('inf::key', MOST_SECONDS), ('1e9::key', MOST_SECONDS),
    (':' * 1000 + ',' * 1000, 0),
])  # fmt: skip
def test_rate_limits(header: str, seconds: float) -> None:
    assert limited_for(header) == seconds


@pytest.mark.parametrize(('header', 'seconds'), [
    ('5', 5), ('', 0), ('0', 0), ('-1', 0), ('soon', 0), ('999999999', MOST_SECONDS), ('Tue, 14 Nov 2023 22:13:30 GMT', 10), ('Tue, 14 Nov 2023 22:13:00 GMT', 0),
    ('Tue, 99 Foo 2023', 0), ('Tue, 14 Nov 9999 22:13:30 GMT', MOST_SECONDS),
])  # fmt: skip
def test_retry_after(header: str, seconds: float) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(('status', 'headers', 'what', 'pause'), [
    (200, {}, ACCEPTED, 0), (202, {'content-type': 'text/plain'}, ACCEPTED, 0), (204, {}, ACCEPTED, 0), (200, {'x-sentry-rate-limits': '9::key'}, ACCEPTED, 9),
    (200, {'content-type': 'text/html; charset=utf-8'}, LATER, None), (302, {}, LATER, None), (429, {}, LATER, BUSY_SECONDS), (429, {'retry-after': '7'}, LATER, 7),
    (429, {'retry-after': '7', 'x-sentry-rate-limits': '9::key'}, LATER, 9), (500, {}, LATER, None), (503, {'retry-after': '7'}, LATER, 7), (408, {}, LATER, None),
    (400, {}, REFUSED, 0), (413, {}, REFUSED, 0), (401, {}, LATER, None), (403, {}, LATER, None),
])  # fmt: skip
def test_what_an_answer_means(status: int, headers: dict[str, str], what: str, pause: float | None) -> None:
    verdict = judge(status, headers, b'', NOW)
    assert (verdict.what, verdict.pause) == (what, pause)


@pytest.mark.parametrize(('body', 'what', 'trouble'), [
    (b'{"detail": "The requested resource does not exist"}', LATER, WRONG_DSN),
    *((body, LATER, WRONG_ADDRESS) for body in (b'', b'404 page not found', b'<html>', b'[]', b'{}', b'"detail"', b'\xff', b'[' * 50_000)),
])  # fmt: skip
def test_what_is_not_found_means_a_wrong_dsn_only_from_sentry_itself(body: bytes, what: str, trouble: str) -> None:
    verdict = judge(404, {}, body, NOW)
    assert (verdict.what, verdict.pause, verdict.trouble) == (what, None, trouble)
