"""From an author's folder to a package: the same bytes from the same folder, on whatever day and machine."""
import base64
import hashlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgeos.plugins import lock
from edgeos.plugins.archive import make_zip
from edgeos.plugins.errors import BadPackage
from edgeos.plugins.manifest import FILE, Manifest, read_manifest
from edgeos.plugins.package import ALLOWED, Incompatible, module_file, open_package, source_findings
from edgeos.plugins.versions import Version

_NATIVE = ('.so', '.pyd', '.dylib', '.dll')


def pack(folder: Path, out: Path) -> Path:
    """Make `<id>-<version>.zip` in `out` and look at it as an installer would. Raises BadPackage or OSError.

    The wheel of the folder's own package is written here, without any build tool; those of its dependencies are taken
    from `wheels/`, and all of them are named in the lock.
    """
    folder, out = folder.absolute(), out.absolute()  # relative ones would be looked for in the folder
    if (found := next(source_findings(folder), None)) is not None:
        raise BadPackage(str(found))
    manifest = read_manifest((folder / FILE).read_bytes())
    out.mkdir(parents=True, exist_ok=True)
    target = out / f'{manifest.id}-{manifest.version}.zip'
    with tempfile.TemporaryDirectory(dir=out, prefix='.pack-') as work:
        packed = Path(work) / target.name
        make_zip(folder, _files(folder, manifest, Path(work)), packed)
        try:
            open_package(packed, Path(work) / 'opened')
        except Incompatible:
            pass  # made for other devices than this
        packed.replace(target)
    return target


def _files(folder: Path, manifest: Manifest, work: Path) -> dict[str, Path | bytes]:
    """Name in the zip to content."""
    files: dict[str, Path | bytes] = {}
    for name in (*ALLOWED, manifest.schema_file):
        if name not in (lock.FILE, lock.FOLDER) and (folder / name).is_file():
            files[name] = folder / name
    own = work / wheel_file(manifest)
    make_zip(folder, wheel_content(folder, manifest), own)
    wheels = [own, *(path for path in sorted((folder / lock.FOLDER).glob('*')) if path.name != own.name)]
    files |= {f'{lock.FOLDER}/{path.name}': path for path in wheels}
    files[lock.FILE] = lock.make_lock(wheels).encode()
    return files


def wheel_file(manifest: Manifest) -> str:
    """The name of the plugin's own wheel."""
    return f'{_distribution(manifest)}-{_python_version(manifest.version)}-py3-none-any.whl'


def wheel_content(folder: Path, manifest: Manifest) -> dict[str, Path | bytes]:
    """A wheel (PEP 427) of pure Python: the files of the package, and three about them. Raises BadPackage."""
    content: dict[str, Path | bytes] = dict(_sources(folder, manifest))
    about = f'{_distribution(manifest)}-{_python_version(manifest.version)}.dist-info'
    content[f'{about}/METADATA'] = _metadata(manifest)
    content[f'{about}/WHEEL'] = b'Wheel-Version: 1.0\nGenerator: edgeos\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
    lines = [f'{name},sha256={_digest(data)},{len(data)}' for name, data in sorted(_read(content))]
    content[f'{about}/RECORD'] = ''.join(f'{line}\n' for line in (*lines, f'{about}/RECORD,,')).encode()
    return content


def _sources(folder: Path, manifest: Manifest) -> Iterator[tuple[str, Path]]:
    package = manifest.entry.package
    start = module_file(folder, package)
    if start is None:
        raise BadPackage(f'{FILE}: entry.module: there is no {package}/__init__.py and no {package}.py')
    if start.name != '__init__.py':
        yield start.name, start
        return
    for path in sorted(start.parent.rglob('*')):
        parts = path.relative_to(folder).parts
        is_left_out = path.suffix == '.pyc' or any(part[0] == '.' or part == '__pycache__' for part in parts)
        if is_left_out or not path.is_file():
            continue
        if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
            raise BadPackage(f'{"/".join(parts)}: expected a file, got a link')
        if path.suffix in _NATIVE:
            raise BadPackage(f'{"/".join(parts)}: is not Python; put it into a wheel of its own, in {lock.FOLDER}/')
        if ',' in path.name or '"' in path.name:
            raise BadPackage(f'{"/".join(parts)}: expected a name without comma and quotes')
        yield '/'.join(parts), path


def _read(content: dict[str, Path | bytes]) -> Iterator[tuple[str, bytes]]:
    for name, data in content.items():
        yield name, data if isinstance(data, bytes) else data.read_bytes()


def _metadata(manifest: Manifest) -> bytes:
    lines = ['Metadata-Version: 2.1', f'Name: {_distribution(manifest)}',
             f'Version: {_python_version(manifest.version)}', f'Summary: {manifest.description}']  # fmt: skip
    return ''.join(f'{line}\n' for line in lines).encode()


def _distribution(manifest: Manifest) -> str:
    return 'edgeos_plugin_' + re.sub(r'-+', '_', manifest.id.strip('-'))


def _python_version(text: str) -> str:
    """As Python's packages write versions; words they do not know become a local part."""
    from packaging.version import InvalidVersion
    from packaging.version import Version as AnyVersion

    try:
        return str(AnyVersion(text))
    except InvalidVersion:
        version = Version.parse(text)
        return str(AnyVersion(f'{version.release}+{version.prerelease.replace("-", ".").strip(".")}'))


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()
