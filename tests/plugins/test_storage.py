"""What a plugin keeps."""
import asyncio
import json
import stat
from pathlib import Path

import orjson
import pytest

from edgeos.plugins import storage
from edgeos.plugins.storage import MOST_BYTES, Storage, StorageFull
from tests.helpers import eventually
from tests.plugins import sdk

assert sdk.FOLDER  # imported first, so that the SDK is found

from edgeos_plugin import storage as sdk_storage  # noqa: E402


async def loaded(path: Path) -> Storage:
    made = Storage(path)
    await made.load()
    return made


def read(kept: Storage, key: str) -> object:
    return json.loads(orjson.dumps(kept.get(key)))


async def test_what_is_set_comes_back_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / 'storage' / 'demo.json'
    kept = await loaded(path)
    kept.set('a/b', {'n': [1, None, 'ü']})
    assert read(kept, 'a/b') == {'n': [1, None, 'ü']}
    with pytest.raises(KeyError):
        kept.get('other')
    await kept.flush()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(orjson.dumps((await loaded(path)).all())) == {'a/b': {'n': [1, None, 'ü']}}


async def test_it_is_written_by_itself_soon_and_not_for_each_change(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(storage, 'DELAY', 0.05)
    written: list[int] = []
    real = storage._write
    monkeypatch.setattr(storage, '_write', lambda path, values: (written.append(1), real(path, values)))
    kept = await loaded(tmp_path / 'demo.json')
    for n in range(100):
        kept.set('n', n)
    await eventually(lambda: json.loads((tmp_path / 'demo.json').read_bytes() if written else b'{}') == {'n': 99})
    assert len(written) == 1
    kept.set('n', 99)
    await asyncio.sleep(0.1)
    assert len(written) == 1, 'the same is no change'


async def test_there_is_room_for_what_fits_into_one_message(tmp_path: Path) -> None:
    kept = await loaded(tmp_path / 'demo.json')
    kept.set('big', 'x' * (MOST_BYTES - 100))
    for key, value in (('more', 'x' * 200), ('k' * 257, 1)):
        with pytest.raises(StorageFull):
            kept.set(key, value)
    kept.set('big', 1)
    kept.set('more', 'x' * 200)


async def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / 'demo.json'
    for content in (b'{"a": ', b'[1]', b'\xff'):
        path.write_bytes(content)
        assert (await loaded(path)).all() == {}
        assert (tmp_path / 'demo.json.damaged').read_bytes() == content


async def test_a_disk_that_refuses_is_tried_again(tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, 'full')

    kept = await loaded(tmp_path / 'demo.json')
    with monkeypatch.context() as full:
        full.setattr(storage, 'write_atomically', refuse)
        kept.set('n', 1)
        await kept.flush()
    await kept.flush()
    assert read(await loaded(tmp_path / 'demo.json'), 'n') == 1


async def test_the_sdk_and_the_app_count_alike(tmp_path: Path) -> None:
    assert (sdk_storage.STORAGE_BYTES, sdk_storage.KEY_LENGTH) == (MOST_BYTES, storage.MOST_KEY)
    values = {'ü' * 100: 'ä€😀' * 1000, 'a"\\b': {'n': [1, 2.5, None, True, '\u0001']}, 'x' * 256: 'y' * 900_000}
    theirs, ours = sdk_storage.Storage({}, lambda: None), await loaded(tmp_path / 'demo.json')
    for key, value in values.items():
        theirs.set(key, value)
        ours.set(key, value)
    assert sum(sdk_storage._cost(key, text) for key, text in theirs._texts.items()) == ours._size
    left = MOST_BYTES - ours._size - len('"last') - storage._ENTRY - 1
    theirs.set('last', 'z' * left)
    ours.set('last', 'z' * left)
    with pytest.raises(ValueError, match='983040'):
        theirs.set('l', '')
    with pytest.raises(StorageFull):
        ours.set('l', '')
    await ours.flush()
