"""What the list of events tells a browser: found over all, only what changed, and never more than was seen."""
from typing import Any

import pytest

from edgeos.reporting.event_store import Event, EventStore
from pages.event_rows import (
    MOST_ROWS,
    PAGE,
    Question,
    Told,
    acknowledgeable,
    detail_of,
    find,
    question_of,
    row_of,
)
from pages.text_view import pretty
from tests.helpers import FakeClock


def event(number: int, *, level: str = 'error', last: float = 5.0, **more: Any) -> Event:
    given = {'source': 'cellar', 'message': 'x', 'count': 1, 'first': 1.0, 'context': {}, 'traceback': '',
             'acknowledged': False, 'fingerprint': f'{number:016x}', 'sent': '', **more}  # fmt: skip
    return Event(id=number, level=level, last=last, **given)


@pytest.fixture
def store() -> EventStore:
    """One error that needs somebody, below hundreds that somebody has seen."""
    made = EventStore(None, FakeClock())
    made.add('error', 'cellar', 'nobody has seen this', f'{1:013x}000')
    for number in range(2, PAGE + 100):
        made.acknowledge([made.add('error', 'cellar', 'seen', f'{number:013x}000')])
    made.add('info', 'attic', 'all is well', f'{9999:013x}000')
    return made


def test_what_needs_somebody_is_found_below_all_that_was_seen(store: EventStore) -> None:
    assert [found.message for found in find(store, Question(kind='new'))] == ['nobody has seen this']
    assert find(store, Question(kind='new', source='attic')) == []
    assert len(find(store, Question())) == PAGE
    assert [found.level for found in find(store, Question(text='ALL IS'))] == ['info']


def test_a_browser_cannot_ask_for_anything_strange() -> None:
    assert question_of({'asked': '1', 'kind': ['x'], 'limit': 10**9, 'text': None}) == Question(limit=MOST_ROWS)
    assert question_of({'asked': 3, 'kind': 'new', 'source': 'a', 'text': 'b', 'limit': -1}) == Question(
        3, 'b', 'new', 'a', PAGE)  # fmt: skip


def test_only_changes_are_told() -> None:
    told = Told()
    first, second = event(1), event(2)
    assert told.changes([second, first]) == ([row_of(second), row_of(first)], [])
    assert told.changes([second, first]) == ([], [])
    again = event(1, count=2, last=9.0)
    assert told.changes([again]) == ([row_of(again)], [2])
    told.begin()
    assert told.changes([again]) == ([row_of(again)], [])


def test_only_errors_need_somebody() -> None:
    needs = [row_of(event(1, level=level))[7] for level in ('debug', 'info', 'warning', 'error', 'critical')]
    assert needs == [False, False, False, True, True]
    assert not row_of(event(1, acknowledged=True))[7]


def test_what_nobody_can_have_seen_is_not_acknowledged() -> None:
    told = Told()
    told.changes([event(1, last=5.0), event(2, last=4.0), event(3, last=3.0)])
    found = [event(9, last=6.0), event(1, last=7.0), event(2), event(3), event(4, last=1.0)]
    assert acknowledgeable(found, told, held=[2]) == [1, 3, 4]


def test_details_are_texts() -> None:
    detail = detail_of(event(1, context={'operation': 'read', 'values': [1, {'a': None}]}, traceback='Traceback'))
    assert detail == {'context': [['operation', 'read'], ['values', '[1, {"a": null}]']], 'traceback': 'Traceback'}


def test_json_is_set_on_lines_and_all_else_is_left_alone() -> None:
    assert pretty('{"a":[1],"b":"ü"}') == '{\n  "a": [\n    1\n  ],\n  "b": "ü"\n}'
    assert pretty('no {json') == 'no {json'
