"""What plugins say of installs and settings, in the owner's language."""
import copy
import errno

import pytest

from edgeos.plugins import faults
from edgeos.plugins.config_check import problems
from edgeos.plugins.errors import BadPackage, PluginError
from edgeos.plugins.faults import PluginFailed
from edgeos.plugins.jobs import Jobs
from edgeos.plugins.package import open_package
from edgeos.plugins.phrase import Phrase, phrase_of
from edgeos.plugins.registry_fetch import FetchFailed
from edgeos.plugins.sources import BadSource, SourceList
from edgeos.plugins.store import UnknownPlugin
from edgeos.plugins.switching import DidNotStart
from edgeos.plugins.views import JobView
from pages.i18n import translator
from pages.rows import say, say_error, say_phrase
from tests.plugins.packages import package_content, write_package

GERMAN = translator('de')


@pytest.mark.parametrize(('field', 'value', 'english', 'german'), [
    ({'type': 'integer', 'minimum': 3}, 2, 'expected at least 3', 'erwartet: mindestens 3'),
    ({'type': 'string'}, 5, 'expected a text', 'erwartet: ein Text'),
    ({'type': 'string', 'format': 'uri'}, '{x}', 'expected an address, such as https://example.org/path',
     'erwartet: eine Adresse, etwa https://example.org/path'),
    ({'type': 'array', 'items': {'type': 'string'}, 'minItems': 1}, [], 'expected at least one entry',
     'erwartet: mindestens ein Eintrag'),
    ({'type': 'string', 'enum': ['{a}', 'b']}, 'c', 'expected one of {a}, b', 'erwartet: eines von {a}, b'),
])  # fmt: skip
def test_what_is_wrong_with_a_field_is_said_in_german(field, value, english, german):
    [(place, said)] = problems({'type': 'object', 'properties': {'x': field}}, {'x': value})
    assert (place, said) == (('x',), english)
    assert say_phrase(GERMAN, said) == german


async def test_steps_and_failure_of_a_job_are_said_in_german_and_kept_in_english():
    async def work(job):
        job.begin('trial', 75, 'Starting it once to see that it comes up.')
        job.say('a {line} of a tool')
        raise DidNotStart(Phrase('it did not come up in time'))

    job = Jobs().start('demo', 'install', work)
    await job.wait()
    view = JobView(job)
    assert [say_phrase(GERMAN, line['text']) for line in view.log] == [
        'Es wird zur Probe einmal gestartet.', 'a {line} of a tool', 'Gescheitert: es war nicht rechtzeitig bereit']
    assert view.error == {'message': 'It failed at the trial start: it did not come up in time',
                          'hint': 'Tell its author, or choose another version.'}  # fmt: skip
    assert [say_phrase(GERMAN, text) for text in view.error.values()] == [
        'Gescheitert (Probestart): es war nicht rechtzeitig bereit',
        'Dem Autor Bescheid geben oder eine andere Version wählen.']
    assert job.shown()['error'] == 'trial: it did not come up in time'


@pytest.mark.parametrize(('content', 'english', 'german'), [
    ({'../evil': b''}, "'../evil': the name leads out of the package", "'../evil': der Name führt aus dem Paket hinaus"),
    ({'wheels/other.tar.gz': b''}, 'wheels/other.tar.gz: is a source package, which would run code when it is built; '
     'only wheels are allowed', 'wheels/other.tar.gz: ist ein Quellpaket, das beim Bauen Code ausführen würde; '
     'nur Wheels sind erlaubt'),
    ({'requirements.lock': b'\xff'}, 'requirements.lock: expected text in UTF-8',
     'requirements.lock: ist kein Text in UTF-8'),
    ({'extra.txt': b''}, 'extra.txt: does not belong into a package', 'extra.txt: gehört nicht in ein Paket'),
    ({'README.md': None}, 'README.md: is missing: say what the plugin does and how it is set up',
     'README.md: fehlt: sie sagt, was das Plugin tut und wie es eingerichtet wird'),
])  # fmt: skip
def test_a_bad_package_is_refused_in_german(tmp_path, content, english, german):
    whole = {**package_content(), **content}
    package = write_package(tmp_path, {name: data for name, data in whole.items() if data is not None})
    with pytest.raises(BadPackage) as refused:
        open_package(package, tmp_path / 'unpacked')
    assert (str(refused.value), say_error(GERMAN, refused.value)) == (english, german)


def test_a_reason_within_a_reason_is_said_in_german(tmp_path):
    failure = faults.no_isolation(Phrase('the app runs as root without the right {rights}', rights='SETUID'))
    assert say(GERMAN, failure) == ('Es wird nicht gestartet, weil es sich nicht vom Rest trennen lässt: '
                                    'das Programm läuft als root ohne das Recht SETUID.')  # fmt: skip
    not_ready = phrase_of(PluginFailed(faults.not_in_time(30)))
    why = DidNotStart(Phrase('{why} It said last: {line}', why=not_ready, line='{x}'))
    assert str(why) == 'It was not ready within 30 s. It said last: {x}'
    assert say_error(GERMAN, why) == 'Es war nach 30 s noch nicht bereit. Zuletzt sagte es: {x}'
    with pytest.raises(BadSource) as refused:
        SourceList(tmp_path / 'sources.json').add('http://example.org/list.json')
    assert say_error(GERMAN, refused.value) == 'erwartet: https://; example.org würde unverschlüsselt gefragt'


@pytest.mark.parametrize(('error', 'german'), [
    (OSError(errno.ENOSPC, 'No space left on device'), 'der Datenträger ist voll'),
    (FetchFailed(Phrase('{host} cannot be reached: {why}', host='h', why=phrase_of(ConnectionRefusedError(111, 'x')))),
     'h ist nicht erreichbar: dort antwortet nichts'),
    (UnknownPlugin('alarms'), 'Dieses Plugin ist nicht mehr installiert.'),
    (PluginError('{no} phrase'), '{no} phrase'), (KeyError(), ''),
])  # fmt: skip
def test_errors_of_other_kinds_are_said_as_well_as_can_be(error, german):
    assert say_error(GERMAN, error) == german


def test_other_texts_stay_as_they_are():
    copied = copy.deepcopy(Phrase('at least {limit}', limit='{x}'))
    assert (copied, type(copied)) == ('at least {x}', str)
