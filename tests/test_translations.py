"""German says everything that English says, with the same blanks to fill."""
import re

import polib
import pytest

from pages.i18n import TRANSLATIONS, choose_language
from tests.messages import messages, passed_on

BLANK = re.compile(r'\{\w*\}')
ADDRESSED = re.compile(r'\b(du|dich|dir|dein\w*|Ihnen)\b')
PASSED_ON = {  # texts that are found where they come from
    'edgeos/backup.py: template', 'edgeos/plugins/jobs.py: template',
    "edgeos/ads/session.py: self._settings['poll_ms']", 'pages/rows.py: text.template', 'edgeos/plugins/faults.py: failure.text', 'edgeos/plugins/session.py: reason',
    'edgeos/plugins/hello.py: f"it speaks version {str(hello.get(\'api\'))[:20]} of the protocol"',
    'edgeos/connections/connection.py: text', 'edgeos/connections/connection.py: hint',
    'edgeos/connections/state.py: template', 'pages/plc_variables.py: error.template',
    "edgeos/connections/plc.py: error.data['template']",
    'edgeos/connections/link_state.py: text', 'edgeos/connections/link_state.py: hint',
    'edgeos/connections/bluetooth_failures.py: words.text', 'edgeos/connections/bluetooth_failures.py: hint',
    'edgeos/discovery/bluetooth.py: failure.text', 'edgeos/discovery/bluetooth.py: failure.hint_text',
    'edgeos/discovery/bluetooth.py: seems.template', 'pages/demo_page.py: missing',
    'edgeos/demo/radio_scanner.py: advertisement', 'pages/reports_view.py: trouble', 'pages/reports_view.py: str(error)',
    'pages/report_test.py: reporter.trouble',
    'edgeos/demo/plc_part.py: name', 'edgeos/demo/plc_part.py: explanation', 'pages/demo_page.py: part.name',
    'pages/demo_page.py: switch.name', 'pages/demo_page.py: switch.explanation', 'pages/frame.py: title',
    'pages/panel_power.py: offers.why', 'pages/panel_power.py: str(error)',
    'pages/rows.py: template', 'pages/process_rows.py: ended.why', 'pages/rows.py: value', 'pages/rows.py: failure.hint_text', 'pages/settings_backup.py: error.notice.template',
    'pages/settings_backup.py: why.template',
}  # fmt: skip


@pytest.fixture(scope='module')
def german():
    return polib.pofile(str(TRANSLATIONS / 'de.po'))


def test_nothing_is_left_in_english(german):
    known = {entry.msgid for entry in german if entry.msgstr}
    missing = {text: place for text, place in messages().items() if text not in known}
    assert missing == {}


def test_nothing_is_translated_that_nobody_says(german):
    said = messages()
    assert [entry.msgid for entry in german if entry.msgid not in said] == []


def test_blanks_are_the_same_in_both_languages(german):
    differing = [entry.msgid for entry in german
                 if sorted(BLANK.findall(entry.msgid)) != sorted(BLANK.findall(entry.msgstr))]  # fmt: skip
    assert differing == []


def test_every_text_is_found_where_it_is_written():
    assert passed_on() - PASSED_ON == set(), 'write the text out as an argument, or name in messages.py what takes it'


def test_texts_are_found_behind_choices_names_and_tables():
    said = messages()
    expected = {'Stop', 'Test', 'Connections', 'Freeze the broker', 'Flood', 'Check the device.',
                'This is no backup: {name} is missing in it.'}  # fmt: skip
    assert expected - said.keys() == set()
    assert any(text.startswith('The broker keeps its connections open') for text in said)
    assert any(text.startswith('Lights and meter send') for text in said)
    assert 'The Sentry server cannot be reached; reports wait on this device.' in said


def test_german_addresses_nobody(german):
    assert [entry.msgstr for entry in german if ADDRESSED.search(entry.msgstr)] == []


@pytest.mark.parametrize(('setting', 'accept', 'language'), [
    ('auto', 'de-CH,de;q=0.9,en;q=0.8', 'de'), ('auto', 'fr,en;q=0.5', 'en'), ('auto', '', 'en'),
    ('auto', 'fr', 'en'), ('de', 'en', 'de'), ('en', 'de', 'en'), ('auto', ';;,', 'en'),
])  # fmt: skip
def test_the_setting_wins_and_auto_asks_the_browser(setting, accept, language):
    assert choose_language(setting, accept) == language
