"""What the tests of installing need: packages made by code, a runner that fails when told, a house to install into."""

import asyncio
import base64
import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeos.plugins.disk import Folders
from edgeos.plugins.install import Installer
from edgeos.plugins.jobs import Job, Jobs
from edgeos.plugins.manifest import Manifest
from edgeos.plugins.store import Store
from edgeos.plugins.switching import DidNotStart, Switching
from edgeos.plugins.uninstall import Uninstaller
from edgeos.secrets import SecretStore

ICON = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


def make_wheel(folder: Path, name: str, version: str, files: dict[str, str], requires: tuple[str, ...] = ()) -> Path:
    info = f'{name}-{version}.dist-info'
    needs = ''.join(f'Requires-Dist: {item}\n' for item in requires)
    content = {
        **files,
        f'{info}/METADATA': f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}',
        f'{info}/WHEEL': 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    }
    record = ''.join(f'{file},sha256={_digest(text)},{len(text.encode())}\n' for file, text in content.items())
    path = folder / f'{name}-{version}-py3-none-any.whl'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for file, text in {**content, f'{info}/RECORD': f'{record}{info}/RECORD,,\n'}.items():
            archive.writestr(zipfile.ZipInfo(file, (1980, 1, 1, 0, 0, 0)), text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')


def make_package(
    folder: Path,
    version: str = '1.0.0',
    *,
    plugin_id: str = 'heat-meter',
    lock: Callable[[str], str] = lambda text: text,
    files: dict[str, bytes] | None = None,
    requires: tuple[str, ...] = ('helper_dep==2.0',),
    **manifest: Any,
) -> Path:
    """A plugin with one dependency; `lock` may spoil requirements.lock."""
    folder.mkdir(parents=True, exist_ok=True)
    module = plugin_id.replace('-', '_')
    wheels = [
        make_wheel(folder, module, version.replace('-', ''), {f'{module}.py': f'import helper_dep\nclass Plugin: version = {version!r}\n'}, requires),
        make_wheel(folder, 'helper_dep', '2.0', {'helper_dep/__init__.py': 'ANSWER = 42\n'}),
    ]
    locked = ''.join(
        f'{wheel.name.split("-")[0]}=={wheel.name.split("-")[1]} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n' for wheel in wheels
    )
    described = {'schema': 1, 'id': plugin_id, 'name': 'Heat meter', 'version': version, 'api': 1, 'entry': {'module': f'{module}:Plugin'}, **manifest}
    target = folder / f'{plugin_id}-{version}.zip'
    with zipfile.ZipFile(target, 'w') as archive:
        archive.writestr('plugin.json', json.dumps(described))
        archive.writestr('requirements.lock', lock(locked))
        archive.writestr('README.md', '# Heat meter\n')
        archive.writestr('icon.svg', ICON)
        for name, data in (files or {}).items():
            archive.writestr(name, data)
        for wheel in wheels:
            archive.write(wheel, f'wheels/{wheel.name}')
    for wheel in wheels:
        wheel.unlink()
    return target


class FakeRunner:
    """Runs nothing. `bad` versions do not come up, `weak` ones fail their trial; `crash` is set to a reason by a test."""

    def __init__(self, store: Store, folders: Folders) -> None:
        self.store = store
        self.folders = folders
        self.bad: set[str] = set()
        self.weak: set[str] = set()
        self.killed: set[str] = set()  # by the owner, while they start
        self.running: dict[str, str] = {}
        self.said: list[str] = []
        self.gate: asyncio.Event | None = None  # a trial waits for it
        self.crashes: dict[str, asyncio.Future[str]] = {}

    async def start_trial(self, manifest: Manifest, folder: Path) -> None:
        self.said.append(f'trial {manifest.version} while {self.running.get(manifest.id)} runs')
        assert (folder / 'venv').is_dir()
        if self.gate:
            await self.gate.wait()
        if manifest.version in self.weak:
            raise DidNotStart('it wrote no hello')

    async def switch(self, plugin_id: str) -> None:
        self.running.pop(plugin_id, None)
        entry = self.store.find(plugin_id)
        self.said.append(f'switch to {entry and entry.current}')
        if entry is None or entry.current is None or not entry.wanted:
            return
        assert self.folders.version(plugin_id, entry.current).is_dir()
        if entry.current in self.bad:
            raise DidNotStart('it ended with status 1')
        if entry.current in self.killed:
            raise DidNotStart('It was killed.', was_killed=True)
        self.running[plugin_id] = entry.current

    async def stop(self, plugin_id: str) -> None:
        self.running.pop(plugin_id, None)
        self.said.append('stop')

    async def crashed(self, plugin_id: str) -> str:
        self.crashes[plugin_id] = asyncio.get_running_loop().create_future()
        return await self.crashes[plugin_id]


async def quick_environment(folder: Path, _temporary: Path, on_line: Callable[[str], None]) -> None:
    """Takes the place of the real one where that is not what is tested."""
    from edgeos.plugins import environment

    on_line('made')
    (folder / 'venv' / 'bin').mkdir(parents=True)
    environment.python_of(folder).touch()
    (folder / 'venv' / 'complete').write_text(environment._made_for())


class House:
    """Everything that installing needs, over a folder."""

    def __init__(self, folder: Path, environment: Any = quick_environment, probation: float = 60.0, **options: Any) -> None:
        self.folder = folder
        self.folders = Folders(folder / 'plugins')
        self.folders.prepare()
        self.store = Store(self.folders.state)
        self.secrets = SecretStore(folder / 'secrets.toml', {})
        self.jobs = Jobs()
        self.runner = FakeRunner(self.store, self.folders)
        self.switching = Switching(self.folders, self.store, self.jobs, self.runner, environment=environment, probation=probation)
        self.installer = Installer(self.switching, **options)
        self.uninstaller = Uninstaller(self.switching, self.secrets)

    async def install(self, *what: Any, **options: Any) -> Job:
        job = await self.installer.install(*what, **options)
        await job.wait()
        return job

    async def run(self, plugin_id: str = 'heat-meter') -> None:
        self.store.change(plugin_id, wanted=True)
        await self.runner.switch(plugin_id)

    def versions(self, plugin_id: str = 'heat-meter') -> set[str]:
        home = self.folders.root / plugin_id
        return {path.name for path in home.iterdir()} if home.is_dir() else set()

    def work(self) -> list[str]:
        return [path.name for path in self.folders.work.iterdir()]

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.folders.audit.read_text().splitlines()]
