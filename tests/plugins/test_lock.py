"""requirements.lock and the wheels it names."""
import hashlib
from pathlib import Path

import pytest

from edgeos.plugins.errors import BadPackage
from edgeos.plugins.lock import BadLock, Locked, make_lock, read_lock, wheel_findings, wheels_of
from tests.plugins.packages import lock_line, wheel, zipped

HASH = 'a' * 64
NAME = 'demo_plugin-1.0.0-py3-none-any.whl'


def folder_of(tmp_path: Path, lock: str, **files: bytes) -> Path:
    (tmp_path / 'wheels').mkdir()
    (tmp_path / 'requirements.lock').write_text(lock)
    for name, data in files.items():
        (tmp_path / 'wheels' / name).write_bytes(data)
    return tmp_path


def check_wheels(folder: Path) -> list[Path]:
    """All of them, when nothing is wrong."""
    if (found := next(wheel_findings(folder), None)) is not None:
        raise BadLock(str(found))
    return wheels_of(folder)


def test_a_lock_is_read_as_pip_writes_it():
    text = f'# made by hand\n\nPaho_MQTT == 2.1.0 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{"b" * 64}  # two\nx==1 --hash=sha256:{HASH}'
    assert read_lock(text) == [Locked('paho-mqtt', '2.1.0', (HASH, 'b' * 64)), Locked('x', '1', (HASH,))]


@pytest.mark.parametrize('line', [
    'requests', 'requests>=2', 'requests==2.0', f'requests==2.0 --hash=md5:{HASH}', f'requests==2.0 --hash=sha256:{HASH[:-1]}',
    f'requests @ https://evil.example/x.whl --hash=sha256:{HASH}', '--index-url https://evil.example', '--extra-index-url https://evil.example',
    '-r other.txt', '-e .', './x.whl', f'requests[socks]==2.0 --hash=sha256:{HASH}', f'x==1; python_version<"3" --hash=sha256:{HASH}',
    f'x==1.* --hash=sha256:{HASH}', f'x==1 --hash=sha256:{HASH} --global-option=x', f'x==1 --hash=sha256:{HASH} y==2',
])  # fmt: skip
def test_anything_but_exact_versions_with_hashes_is_refused(line):
    with pytest.raises(BadLock, match=r'^requirements.lock: line 2: expected name==version'):
        read_lock(f'# lock\n{line}\n')


def test_a_name_twice_is_refused_in_any_spelling():
    with pytest.raises(BadLock, match='line 2: a-b is named twice'):
        read_lock(f'a_b==1 --hash=sha256:{HASH}\nA.B==2 --hash=sha256:{HASH}\n')


def test_wheels_that_fit_are_answered(tmp_path):
    data = wheel()
    folder = folder_of(tmp_path, lock_line(data), **{NAME: data})
    assert [path.name for path in check_wheels(folder)] == [NAME]
    assert make_lock(check_wheels(folder)) == lock_line(data)


def test_a_wheel_that_is_not_named_is_refused(tmp_path):
    data = wheel()
    with pytest.raises(BadLock, match=r'requests-9.9.9-py3-none-any.whl: is not named'):
        check_wheels(folder_of(tmp_path, lock_line(data), **{NAME: data, 'requests-9.9.9-py3-none-any.whl': data}))


def test_a_wheel_with_another_hash_is_refused(tmp_path):
    with pytest.raises(BadLock, match=r'is not the file that requirements\.lock has the hash of'):
        check_wheels(folder_of(tmp_path, lock_line(b'other'), **{NAME: wheel()}))


def test_a_wheel_of_another_version_is_refused(tmp_path):
    data = wheel()
    with pytest.raises(BadLock, match=r'requirements\.lock names version 2'):
        check_wheels(folder_of(tmp_path, lock_line(data, version='2.0.0'), **{NAME: data}))


def test_a_wheel_that_is_missing_is_named(tmp_path):
    data = wheel()
    with pytest.raises(BadLock, match=r'requests: the wheel with the hash aaaaaaaaaaaa… is missing'):
        check_wheels(folder_of(tmp_path, lock_line(data) + f'requests==2 --hash=sha256:{HASH}', **{NAME: data}))


@pytest.mark.parametrize('name', ['demo-1.0.tar.gz', 'demo-1.0.zip', 'demo-1.0.tar.bz2', 'demo-1.0.tgz', 'demo-1.0.egg'])
def test_a_source_package_is_refused_as_such(tmp_path, name):
    with pytest.raises(BadPackage, match='is a source package, which would run code'):
        check_wheels(folder_of(tmp_path, '', **{name: b'x'}))


@pytest.mark.parametrize('name', ['demo.whl', 'demo', 'demo-1-py3-none.whl', 'demo-one-py3-none-any.whl', '.hidden'])
def test_what_is_no_wheel_is_refused(tmp_path, name):
    with pytest.raises(BadPackage, match='expected a wheel'):
        check_wheels(folder_of(tmp_path, '', **{name: b'x'}))


@pytest.mark.parametrize('name', [
    'evil.pth', 'sitecustomize.py', 'usercustomize/__init__.py', 'SiteCustomize.py', 'demo.data/purelib/evil.pth', 'demo.data/platlib/sitecustomize.py',
])  # fmt: skip
def test_what_python_would_run_by_itself_is_refused(tmp_path, name):
    data = wheel({name: 'import os'})
    with pytest.raises(BadPackage, match='would be run by itself whenever Python starts'):
        check_wheels(folder_of(tmp_path, lock_line(data), **{NAME: data}))


@pytest.mark.parametrize(('name', 'message'), [
    ('demo.data/scripts/python3', 'take the place of the interpreter'), ('demo.data/data/bin/python', 'beside the modules'),
    ('demo.data/data/pyvenv.cfg', 'beside the modules'), ('demo.data/data/lib/x.py', 'beside the modules'), ('../evil.py', 'leads out'),
])  # fmt: skip
def test_what_would_replace_the_interpreter_is_refused(tmp_path, name, message):
    data = wheel({name: 'x'})
    with pytest.raises(BadPackage, match=message):
        check_wheels(folder_of(tmp_path, lock_line(data), **{NAME: data}))


@pytest.mark.parametrize('text', ['[console_scripts]\npython3 = a:b\n', '[gui_scripts]\nPython=a:b', '[console_scripts]\nx = a:b\n  python = a:b',
                                  '[console_scripts]\n../../x = a:b', '[console_scripts]\npython: a:b'])
def test_a_script_that_would_replace_a_program_is_refused(tmp_path, text):
    data = wheel({'demo-1.dist-info/entry_points.txt': text})
    with pytest.raises(BadPackage, match='would take the place of another program'):
        check_wheels(folder_of(tmp_path, lock_line(data), **{NAME: data}))


def test_harmless_extras_of_a_wheel_are_taken(tmp_path):
    data = wheel({'demo/evil.pth': 'not at the top', 'demo.data/scripts/tool': '', 'demo.data/data/share/man/x.1': '',
                  'demo-1.dist-info/entry_points.txt': '[console_scripts]\n# a tool\ntool = a:b\n\n[other]\npython = a:b\n'})
    assert check_wheels(folder_of(tmp_path, lock_line(data), **{NAME: data}))


def test_a_bomb_in_a_wheel_is_refused(tmp_path):
    data = zipped({'demo/x': bytes(5_000_000)})
    with pytest.raises(BadPackage, match=f'wheels/{NAME}: .* is a bomb'):
        check_wheels(folder_of(tmp_path, lock_line(data), **{NAME: data}))


@pytest.mark.parametrize(('content', 'message'), [(None, 'is missing'), (b'\xff', 'UTF-8'), (b' ' * 300_000, 'at most')])
def test_a_lock_that_cannot_be_read_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'requirements.lock').write_bytes(content)
    with pytest.raises(BadLock, match=message):
        check_wheels(tmp_path)


def test_several_wheels_of_one_version_are_one_line(tmp_path):
    one, two = tmp_path / 'x-1-cp311-cp311-linux_x86_64.whl', tmp_path / 'x-1-cp311-cp311-linux_aarch64.whl'
    one.write_bytes(b'1')
    two.write_bytes(b'2')
    hashes = sorted(hashlib.sha256(data).hexdigest() for data in (b'1', b'2'))
    assert make_lock([one, two]) == f'x==1 --hash=sha256:{hashes[0]} --hash=sha256:{hashes[1]}\n'
