"""Several registries as one."""
import asyncio
import base64
import json
import os
from pathlib import Path

import pytest

from edgeos.plugins.registry import BUNDLED, Registry, Source, UnknownRelease
from edgeos.plugins.registry_entries import read_registry
from tests.helpers import eventually
from tests.plugins.registries import answer, entry, registry_data, serving


def file_source(folder: Path, data: bytes, name: str = 'registry.json') -> Source:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return Source(str(folder / name))


async def read(tmp_path: Path, *sources: Source) -> Registry:
    registry = Registry(tmp_path / 'cache', sources)
    await registry.refresh()
    return registry


def one_line(problems: list) -> list[str]:
    assert all(str(problem).isprintable() for problem in problems)
    return [f'{problem.entry}: {problem.message}' for problem in problems]


async def test_the_newest_that_runs_here_and_was_not_taken_back_is_offered(tmp_path):
    versions = {'1.0.0': entry(), '1.2.0': entry(), '1.10.0': entry(yanked='it broke heating'), '2.0.0': entry(requires={'edgeos': '>=99'}),
                '1.3.0-beta.1': entry(), '0.9.0': entry()}
    registry = await read(tmp_path, file_source(tmp_path, registry_data(demo=versions)))
    assert [(release.id, release.version) for release in registry.available()] == [('demo', '1.2.0')]
    assert registry.release('demo').version == '1.2.0'
    assert registry.release('demo', '1.10.0').yanked == 'it broke heating'
    assert [(hidden.release.version, hidden.reason.split(':')[0]) for hidden in registry.hidden()] == [
        ('2.0.0', 'needs SmartHome Edge OS >=99; this is 0.1.0'), ('1.10.0', 'was withdrawn'), ('1.3.0-beta.1', 'is a version for testing')]
    assert [release.version for release in registry.versions('demo')] == ['2.0.0', '1.10.0', '1.3.0-beta.1', '1.2.0', '1.0.0', '0.9.0']
    assert registry.problems == []


async def test_a_test_version_is_offered_when_it_is_tagged(tmp_path):
    data = json.loads(registry_data(demo={'1.0.0-rc.1': entry()}))
    data['packages']['demo']['dist-tags'] = {'latest': '1.0.0-rc.1'}
    registry = await read(tmp_path, file_source(tmp_path, json.dumps(data).encode()))
    assert registry.release('demo').version == '1.0.0-rc.1'


async def test_what_is_not_there_is_said_with_the_reason(tmp_path):
    registry = await read(tmp_path, file_source(tmp_path, registry_data(demo={'1.0.0': entry(requires={'python': '>=4'})})))
    assert registry.available() == []
    with pytest.raises(UnknownRelease, match='demo needs Python >=4'):
        registry.release('demo')
    with pytest.raises(UnknownRelease, match=r'no registry has the plugin demo 3\.0\.0'):
        registry.release('demo', '3.0.0')
    with pytest.raises(UnknownRelease, match='no registry has the plugin other'):
        registry.release('other')


async def test_an_id_belongs_to_the_first_source_that_names_it(tmp_path):
    first = file_source(tmp_path / 'a', registry_data(demo={'1.0.0': entry()}))
    second = file_source(tmp_path / 'b', registry_data(demo={'99.0.0': entry()}, other={'1.0.0': entry()}))
    registry = await read(tmp_path, first, second)
    assert {release.id: (release.version, release.source) for release in registry.available()} == {
        'demo': ('1.0.0', first.location), 'other': ('1.0.0', second.location)}
    assert one_line(registry.problems) == [f'demo: is passed over: {first.location} has this id']
    with pytest.raises(UnknownRelease):
        registry.release('demo', '99.0.0')


async def test_one_source_that_is_missing_does_not_hide_the_others(tmp_path):
    registry = await read(tmp_path, Source(str(tmp_path / 'none.json')), file_source(tmp_path, registry_data(demo={'1.0.0': entry()})))
    assert [release.id for release in registry.available()] == ['demo']
    assert one_line(registry.problems) == [': No such file or directory']


@pytest.mark.parametrize(('what', 'part'), [('fifo', ''), ('fifo', '.sig'), ('device', ''), ('folder', '')])
async def test_what_has_become_no_file_is_not_waited_for(tmp_path, what, part):
    key = base64.b64encode(bytes(32)).decode() if part else ''
    source = file_source(tmp_path, registry_data(demo={'1.0.0': entry()}))
    source = Source(source.location, key)
    path = Path(source.location + part)
    path.unlink(missing_ok=True)
    {'fifo': lambda: os.mkfifo(path), 'device': lambda: path.symlink_to('/dev/zero'), 'folder': path.mkdir}[what]()
    async with asyncio.timeout(5):
        registry = await read(tmp_path, source)
    assert one_line(registry.problems) == [': is not a file']


async def test_the_registry_of_the_app_is_good(tmp_path):
    registry = await read(tmp_path, BUNDLED)
    assert registry.problems == []


async def test_what_was_read_last_is_shown_without_network(tmp_path):
    async with serving() as server:
        server.pages['/r.json'] = answer(registry_data(demo={'1.0.0': entry()}), ETag='"1"')
        source = Source(f'{server.url}/r.json')
        assert (await read(tmp_path, source)).release('demo').url == f'{server.url}/demo-1.0.0.zip'
    registry = await read(tmp_path, source)
    assert [release.id for release in registry.available()] == ['demo']
    assert 'cannot be reached' in registry.problems[0].message
    assert registry.problems[0].message.endswith('; what was read last is shown')


async def test_what_is_near_is_shown_while_a_server_is_slow(tmp_path):
    async with serving() as server:
        server.pages['/r.json'] = answer(registry_data(demo={'1.0.0': entry()}))
        source = Source(f'{server.url}/r.json')
        await read(tmp_path, source)
        server.pages['/r.json'] = [60.0]
        registry = Registry(tmp_path / 'cache', [source, file_source(tmp_path, registry_data(other={'1.0.0': entry()}))])
        task = asyncio.create_task(registry.refresh())
        await eventually(lambda: len(registry.available()) == 2)
        assert not task.done()
        task.cancel()
        registry.close()


async def test_what_has_not_changed_is_not_sent_again(tmp_path):
    sent = []

    def page(headers: dict[str, str]) -> bytes:
        sent.append(headers.get('if-none-match'))
        if headers.get('if-none-match') == '"one"':
            return answer(b'', '304 Not Modified')
        return answer(registry_data(demo={'1.0.0': entry()}), ETag='"one"')

    async with serving() as server:
        server.pages['/r.json'] = page
        for _ in range(2):
            registry = await read(tmp_path, Source(f'{server.url}/r.json'))
            assert (len(registry.available()), registry.problems) == (1, [])
        for kept in (tmp_path / 'cache').iterdir():
            kept.write_bytes(b'damaged')
        assert len((await read(tmp_path, Source(f'{server.url}/r.json'))).available()) == 1
    assert sent == [None, '"one"', None]


@pytest.mark.parametrize('bad', [b'<html>', b'{"registryVersion":1,"packages":[]}'])
async def test_a_new_one_that_is_no_good_does_not_replace_the_last(tmp_path, bad):
    async with serving() as server:
        server.pages['/r.json'] = answer(registry_data(demo={'1.0.0': entry()}))
        source = Source(f'{server.url}/r.json')
        await read(tmp_path, source)
        server.pages['/r.json'] = answer(bad)
        for _ in range(2):
            registry = await read(tmp_path, source)
            assert len(registry.available()) == 1
            assert 'what was read last is shown' in registry.problems[0].message


async def test_a_source_that_is_added_while_others_are_read_is_read_too_and_one_removed_is_gone(tmp_path):
    (tmp_path / 'new.json').write_bytes(registry_data(new={'1.0.0': entry()}))
    async with serving() as server:
        server.pages['/slow.json'] = [0.3, answer(registry_data(slow={'1.0.0': entry()}))]
        registry = Registry(tmp_path / 'cache', [Source(f'{server.url}/slow.json')])
        first = asyncio.create_task(registry.refresh())
        await eventually(lambda: server.asked)
        registry.sources = (Source(str(tmp_path / 'new.json')),)
        await registry.refresh()
        await first
        assert [release.id for release in registry.available()] == ['new']


async def test_a_look_does_not_wait_for_the_web(tmp_path):
    (tmp_path / 'near.json').write_bytes(registry_data(near={'1.0.0': entry()}))
    async with serving() as server:
        server.pages['/slow.json'] = [20.0]
        registry = Registry(tmp_path / 'cache', [Source(f'{server.url}/slow.json'), Source(str(tmp_path / 'near.json'))])
        async with asyncio.timeout(5):
            await registry.look()
        assert [release.id for release in registry.available()] == ['near'] and registry.refreshed_at is None
        registry.close()


async def test_two_refreshes_at_once_are_one(tmp_path):
    async with serving() as server:
        server.pages['/r.json'] = answer(registry_data())
        registry = Registry(tmp_path / 'cache', [Source(f'{server.url}/r.json')])
        await asyncio.gather(registry.refresh(), registry.refresh())
        assert server.asked == ['/r.json']


class TestSignature:
    def setup_method(self) -> None:
        ed25519 = pytest.importorskip('cryptography.hazmat.primitives.asymmetric.ed25519')
        self.private = ed25519.Ed25519PrivateKey.generate()
        self.key = base64.b64encode(self.private.public_key().public_bytes_raw()).decode()
        self.data = registry_data(demo={'1.0.0': entry()})

    @pytest.mark.parametrize('as_text', [False, True])
    async def test_a_signed_registry_is_taken(self, tmp_path, as_text):
        signature = self.private.sign(self.data)
        async with serving() as server:
            server.pages = {'/r.json': answer(self.data), '/r.json.sig': answer(base64.b64encode(signature) + b'\n' if as_text else signature)}
            registry = await read(tmp_path, Source(f'{server.url}/r.json', self.key))
        assert (len(registry.available()), registry.problems) == (1, [])

    @pytest.mark.parametrize('what', ['tampered', 'missing', 'short', 'other key', 'no key at all'])
    async def test_another_is_refused_and_not_kept(self, tmp_path, what):
        signature = self.private.sign(self.data)
        data = self.data.replace(b'1.0.0', b'6.6.6') if what == 'tampered' else self.data
        key = base64.b64encode(bytes(32)).decode() if what == 'other key' else 'key' if what == 'no key at all' else self.key
        async with serving() as server:
            server.pages = {'/r.json': answer(data), '/r.json.sig': answer(signature[:9] if what == 'short' else signature)}
            if what == 'missing':
                del server.pages['/r.json.sig']
            registry = await read(tmp_path, Source(f'{server.url}/r.json', key))
        assert registry.available() == []
        assert any(word in registry.problems[0].message for word in ('signature does not fit', 'answered 404', 'is not an ed25519 public key'))
        assert not (tmp_path / 'cache').exists()

    async def test_what_is_kept_is_checked_again(self, tmp_path):
        async with serving() as server:
            server.pages = {'/r.json': answer(self.data), '/r.json.sig': answer(self.private.sign(self.data))}
            source = Source(f'{server.url}/r.json', self.key)
            await read(tmp_path, source)
        kept = next((tmp_path / 'cache').iterdir())
        kept.write_bytes(kept.read_bytes().replace(b'1.0.0', b'6.6.6'))
        assert (await read(tmp_path, source)).available() == []

    async def test_a_file_is_checked_too(self, tmp_path):
        source = Source(file_source(tmp_path, self.data).location, self.key)
        assert (await read(tmp_path, source)).available() == []
        (tmp_path / 'registry.json.sig').write_bytes(self.private.sign(self.data))
        assert len((await read(tmp_path, source)).available()) == 1


@pytest.mark.parametrize(('data', 'message'), [
    (b'', 'expected JSON'), (b'[]', 'expected an object'), (b'{}', 'registryVersion: expected 1'), (b'{"registryVersion":2,"packages":{}}', 'registryVersion: expected 1, got 2'),
    (b'{"registryVersion":true,"packages":{}}', 'registryVersion'), (b'{"registryVersion":1}', 'packages: expected an object'), (b'[' * 1_000_000, 'expected JSON'),
    (b'\xff', 'expected JSON'), (b' ' * (5 * 1024 * 1024 + 1), 'expected at most 5242880 bytes'),
    (json.dumps({'registryVersion': 1, 'packages': {f'a{n}': 1 for n in range(2001)}}).encode(), 'expected at most 2000 plugins'),
])  # fmt: skip
def test_a_hostile_registry_is_one_problem(data, message):
    found = read_registry(data, 'here')
    assert (found.releases, len(found.problems)) == ([], 1)
    assert message in one_line(found.problems)[0]


DEEP: list = []
for _ in range(600):
    DEEP = [DEEP]


@pytest.mark.parametrize('broken', [
    None, 5, [], {}, {'name': 'X'}, {'name': 'X', 'versions': []}, {'name': 5, 'versions': {}}, {'name': 'a\nb', 'versions': {}}, {'versions': {'1.0.0': entry()}},
    {'name': 'X', 'versions': {f'1.0.{n}': entry() for n in range(201)}}, {'name': 'X', 'icon': 'javascript:1', 'versions': {}},
    {'name': 'X', 'icon': 'https://tracker.example/x.png', 'versions': {}}, {'name': 'X', 'versions': {'one': entry()}}, {'name': 'X', 'versions': {'1.0.0': 5}},
    {'name': 'X', 'versions': {'1.0.0': {}}}, {'name': 'X', 'versions': {'1.0.0': {'dist': {'url': 'x', 'sha256': 'AB', 'size': 1}}}},
    {'name': 'X', 'versions': {'1.0.0': entry(b'')}}, {'name': 'X', 'versions': {'1.0.0': {'dist': {'url': 'x', 'sha256': 'ab' * 32, 'size': 10**12}}}},
    {'name': 'X', 'versions': {'1.0.0': {'dist': {'url': 'x', 'sha256': 'ab' * 32, 'size': 10**30}}}}, {'name': 'X', 'versions': {'1.0.0': entry(permissions=['root'])}},
    {'name': 'X', 'versions': {'1.0.0': entry(requires={'edgeos': '??'})}}, {'name': 'X', 'versions': {'1.0.0': entry(resources={'cpu_percent': -1})}},
    {'name': 'X', 'versions': {'1.0.0': entry(url='../../etc/passwd')}}, {'name': 'X', 'versions': {'1.0.0': entry(url='/etc/passwd')}},
    {'name': 'X', 'versions': {'1.0.0': entry(url='file:///etc/passwd')}}, {'name': 'X', 'versions': {'1.0.0': entry(url='http://example.org/x.zip')}},
    {'name': 'X', 'versions': {'1.0.0': entry(url='https://user:word@example.org/x.zip')}}, {'name': 'X', 'versions': {'1.0.0': entry(url='https://[x/x.zip')}},
    {'name': 'X', 'versions': {'1.0.0': entry(yanked={'why': 1})}}, {'name': 'X', 'versions': {'1.0.0': entry(more=DEEP)}}, {'name': 'X', 'more': DEEP, 'versions': {}},
])  # fmt: skip
def test_a_broken_entry_hides_only_itself(broken):
    data = json.loads(registry_data(demo={'1.0.0': entry()}))
    data['packages'] = {'bad': broken, **data['packages']}
    found = read_registry(json.dumps(data).encode(), '/srv/registry.json')
    assert [release.id for release in found.releases] == ['demo']
    assert len(found.problems) == 1
    assert one_line(found.problems)[0].startswith('bad')


@pytest.mark.parametrize('plugin_id', ['../x', 'A', 'x' * 64, '', 'a/b', 'demo\n', 'work', 'con'])
def test_an_id_that_is_a_path_or_a_folder_of_ours_is_refused(plugin_id):
    data = json.dumps({'registryVersion': 1, 'packages': {plugin_id: {'name': 'X', 'versions': {'1.0.0': entry()}}}}).encode()
    found = read_registry(data, 'here')
    assert (found.releases, len(found.problems)) == ([], 1)
    assert one_line(found.problems)[0].startswith(': packages: expected ')


def test_ten_thousand_problems_are_told_in_fifty_lines():
    found = read_registry(registry_data(**{f'a{n}': {f'1.0.{v}': {} for v in range(10)} for n in range(1000)}), 'here')
    assert len(found.problems) == 51
    assert found.problems[-1].message == 'and 9950 more problems'


def test_what_a_later_version_adds_is_passed_over():
    data = json.loads(registry_data(demo={'1.0.0': entry(signature='x')}))
    data['packages']['demo']['rating'] = 5
    assert read_registry(json.dumps({**data, 'more': 1}).encode(), 'here').problems == []


@pytest.mark.parametrize('url', ['http://127.0.0.1:1/x.zip', 'file:///x', 'ftp://x/y'])
def test_a_registry_on_the_web_cannot_lead_to_another_scheme(url):
    found = read_registry(registry_data(demo={'1.0.0': entry(url=url)}), 'https://example.org/r.json')
    assert found.releases == []
