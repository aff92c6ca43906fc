"""Packages made in code: good ones, and every bad one by a small change."""
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from edgeos.plugins.manifest import Manifest, read_manifest

ICON = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
CODE = 'class Demo:\n    pass\n'


def manifest_data(**changes: Any) -> dict[str, Any]:
    """A plugin.json as it should be; a change of None takes the key out."""
    data = {'schema': 1, 'id': 'demo', 'name': 'Demo', 'version': '1.0.0', 'api': 1,
            'entry': {'module': 'demo_plugin:Demo'}, **changes}
    return {key: value for key, value in data.items() if value is not None}


def manifest(**changes: Any) -> Manifest:
    return read_manifest(json.dumps(manifest_data(**changes)).encode())


def wheel(content: dict[str, str | bytes] | None = None, name: str = 'demo_plugin', version: str = '1.0.0') -> bytes:
    about = f'{name}-{version}.dist-info'
    return zipped({**(content or {'demo_plugin/__init__.py': CODE}),
                   f'{about}/METADATA': f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n',
                   f'{about}/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
                   f'{about}/RECORD': ''})


def zipped(content: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file.getvalue()


def lock_line(data: bytes, name: str = 'demo-plugin', version: str = '1.0.0') -> str:
    return f'{name}=={version} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n'


def package_content(**changes: Any) -> dict[str, Any]:
    """Name to content of a good package; `changes` are for its manifest."""
    own = wheel()
    return {'plugin.json': json.dumps(manifest_data(**changes)), 'requirements.lock': lock_line(own),
            'wheels/demo_plugin-1.0.0-py3-none-any.whl': own, 'README.md': '# Demo\n', 'icon.svg': ICON}


def write_package(folder: Path, content: dict[str, Any] | None = None, name: str = 'demo-1.0.0.zip') -> Path:
    path = folder / name
    path.write_bytes(zipped(content or package_content()))
    return path
