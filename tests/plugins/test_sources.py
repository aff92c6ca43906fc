"""The list of where plugins come from."""

import json
import threading
from pathlib import Path

import pytest

from edgeos.plugins.sources import BadSource, SourceList


def registry(folder: Path, name: str) -> str:
    (folder / name).write_text('{}')
    return str(folder / name)


def test_a_source_is_an_address_or_a_file_that_is_there(tmp_path: Path) -> None:
    found = SourceList(tmp_path / 'sources.json')
    for wrong in (str(tmp_path / 'absent.json'), str(tmp_path), 'here.json', 'http://example.com/r.json', '/dev/null'):
        with pytest.raises(BadSource):
            found.add(wrong)
    mine = registry(tmp_path, 'mine.json')
    found.add(f'file://{mine}')
    assert [source.location for source in found.added] == [mine]
    assert found.remove(mine).location == mine and found.added == ()


def test_a_damaged_list_is_put_aside_and_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / 'sources.json'
    path.write_text('[{"location": "/a/b.json", "key": "precious')
    found = SourceList(path)
    assert found.added == ()
    found.add(registry(tmp_path, 'mine.json'))
    assert 'precious' in (tmp_path / 'sources.damaged.json').read_text()
    assert [row['location'] for row in json.loads(path.read_text())] == [str(tmp_path / 'mine.json')]


def test_sources_that_are_added_side_by_side_are_all_kept(tmp_path: Path) -> None:
    found = SourceList(tmp_path / 'sources.json')
    threads = [threading.Thread(target=found.add, args=(registry(tmp_path, f'{n}.json'),)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found.added) == 12 == len(SourceList(tmp_path / 'sources.json').added)
    with pytest.raises(BadSource):
        found.remove(str(tmp_path / 'another.json'))
