"""Who shows the window of a folder, and who may ask for it."""
import asyncio
import socket
from pathlib import Path

from edgeos.folder_lock import Holder, holder_of, introduce, lock_folder
from edgeos.window.one_window import SOCKET, OneWindow, bring_forward


async def test_one_shows_it_and_is_asked_by_the_others(tmp_path: Path) -> None:
    first, second, asked = OneWindow(tmp_path), OneWindow(tmp_path), []
    assert first.take() and first.take()
    assert not second.take()
    await first.listen(lambda: not asked.append(1))
    assert (tmp_path / SOCKET).stat().st_mode & 0o777 == 0o600
    assert await asyncio.to_thread(bring_forward, tmp_path)
    assert asked == [1]
    first.close()
    assert not await asyncio.to_thread(bring_forward, tmp_path)
    assert not (tmp_path / SOCKET).exists()
    assert second.take()
    second.close()


async def test_a_window_that_is_not_there_yet_is_not_said_to_have_come(tmp_path: Path) -> None:
    one = OneWindow(tmp_path)
    assert one.take()
    await one.listen(lambda: False)
    assert not await asyncio.to_thread(bring_forward, tmp_path)
    one.close()


async def test_what_a_killed_program_left_and_a_deep_folder_are_no_hindrance(tmp_path: Path) -> None:
    deep = tmp_path / ('deep' * 40)
    deep.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))
    (tmp_path / SOCKET).rename(deep / SOCKET)
    assert not await asyncio.to_thread(bring_forward, deep)
    one = OneWindow(deep)
    assert one.take()
    await one.listen(lambda: True)
    assert await asyncio.to_thread(bring_forward, deep)
    one.close()


def test_who_holds_a_folder_says_where_its_pages_are(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    with lock_folder(tmp_path) as lock:
        found = holder_of(tmp_path)
        assert found is not None and (found.url, found.screen) == ('', '')
        introduce(lock, 'http://127.0.0.1:1', '')
        assert holder_of(tmp_path) == Holder(found.pid, 'http://127.0.0.1:1', 'none')
    assert holder_of(tmp_path) is None
