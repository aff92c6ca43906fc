"""What the cards of plugins say."""
from types import SimpleNamespace

import polib
import pytest

from edgeos.plugins.faults import RESTARTS, bad_config, crash_loop, ended, protocol
from pages.format import Format
from pages.i18n import TRANSLATIONS
from pages.plugin_rows import count_failed, facts_of, lamp_of, next_action, offer_rows, reason_of, row_of, rows_of

WORDS = Format('en', str)


def plugin(**what):
    return SimpleNamespace(**{
        'id': 'alarms', 'name': 'Alarms', 'version': '1.0.0', 'state': 'running', 'throttled': False, 'pid': 1,
        'cpu_percent': 5.0, 'cpu_limit': 50.0, 'memory_mb': 20.0, 'memory_limit_mb': 150.0, 'restarts': 0,
        'failure': None, 'next_try_in': None, 'update': None, 'previous': None, 'description': '', 'busy': None,
        'messages_per_s': 2.0, 'points': 3, 'descriptions': {},
    } | what)  # fmt: skip


@pytest.mark.parametrize(('state', 'tone', 'word', 'action'), [
    ('installed', 'idle', 'Not started', 'start'), ('starting', 'busy', 'Starting', 'stop'),
    ('running', 'good', 'Running', 'stop'), ('unhealthy', 'warn', 'No answer', 'restart'),
    ('backoff', 'warn', 'Waiting', 'stop'), ('stopping', 'busy', 'Stopping', 'start'),
    ('stopped', 'idle', 'Stopped', 'start'), ('failed', 'bad', 'Failed', 'start'),
])  # fmt: skip
def test_every_state_has_a_lamp_and_a_next_action(state, tone, word, action):
    shown = plugin(state=state)
    assert (lamp_of(shown, str).tone, lamp_of(shown, str).word) == (tone, word)
    assert next_action(shown, str)[0] == action


def test_a_throttled_one_is_held_and_says_why():
    held = plugin(throttled=True, cpu_percent=50.0)
    assert lamp_of(held, str).word == 'Held'
    assert reason_of(held, WORDS, str).why == 'It wants more than 50\u00a0% of a core and is held there.'
    assert row_of(held, WORDS, str)['cpu_look'] == 'held'


def test_trouble_says_reason_next_step_and_countdown():
    error = ended(-9)
    reason = reason_of(plugin(state='failed', failure=error, next_try_in=61.2), WORDS, str)
    assert reason == ('It was ended by the signal SIGKILL.', RESTARTS, 'Next try in 1 min 2 s')
    assert reason_of(plugin(state='failed'), WORDS, str) == ('It does not run any more.', '', 'It is not tried again by itself.')
    assert reason_of(plugin(state='running', failure=error), WORDS, str) == ('', '', '')


def test_trouble_is_said_in_the_owners_language():
    german = {entry.msgid: entry.msgstr for entry in polib.pofile(str(TRANSLATIONS / 'de.po'))}

    def say(text: str) -> str:
        return german.get(text, text)

    failures = [ended(3), protocol('it sent a line that is not JSON'), crash_loop(ended(-9), 6)]
    said = [reason_of(plugin(state='failed', failure=failure), WORDS, say) for failure in failures]
    assert [reason.why for reason in said] == [
        'Es hat sich selbst mit dem Status 3 beendet.',
        'Es wurde beendet, weil es eine Zeile gesendet hat, die kein JSON ist.',
        'Es wurde durch das Signal SIGKILL beendet.']
    assert said[2].hint.startswith('6 Ausfälle innerhalb von 10 Minuten;')


def test_settings_it_cannot_use_lead_to_the_settings():
    wrong = plugin(state='failed', pid=None, failure=bad_config('No host.'))
    assert next_action(wrong, str)[0] == 'settings'


def test_trouble_comes_first_and_failed_ones_are_counted():
    shown = [plugin(id='b', name='B'), plugin(id='a', name='A'), plugin(id='z', name='Z', state='failed'),
             plugin(id='y', name='Y', state='backoff')]
    assert [row['id'] for row in rows_of(shown, WORDS, str)] == ['z', 'y', 'a', 'b']
    assert count_failed(shown) == 1


def test_a_job_takes_the_place_of_the_action():
    job = SimpleNamespace(state='running', title='update', percent=41.6)
    row = row_of(plugin(busy=job), WORDS, str)
    assert row['action'] == 'progress'
    assert row['busy'] == ['Update Alarms', 0.42, '42\u00a0%']
    assert row_of(plugin(busy=SimpleNamespace(state='done', title='', percent=100)), WORDS, str)['busy'] is None


def test_what_does_not_run_takes_nothing():
    row = row_of(plugin(state='stopped', pid=None, cpu_percent=None, memory_mb=None, points=0), WORDS, str)
    assert (row['cpu'], row['memory'], row['facts']) == ([None] * 3, [None] * 3, [])
    assert facts_of(plugin(points=1, restarts=1), WORDS, str) == ['1 value', '2.0 messages/s', '1 restart']


def test_offers_leave_out_what_is_installed_and_end_with_what_does_not_fit():
    def offer(name, **what):
        return SimpleNamespace(**{'id': name.lower(), 'name': name, 'version': '1', 'description': '', 'author': '',
                                  'size': 1, 'why_not': None, 'category': '', 'icon': 'https://example.com/spy.svg',
                                  'keywords': ['x'], 'source': '', 'installed': None, 'descriptions': {}} | what)  # fmt: skip

    rows = offer_rows([offer('C'), offer('A', why_not='too old'), offer('B'), offer('D', installed='1')], WORDS, str)
    assert [row['id'] for row in rows] == ['b', 'c', 'a']
    assert rows[0]['icon'] == ''  # nothing is loaded from strangers
