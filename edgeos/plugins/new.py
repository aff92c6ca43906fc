"""A folder to begin a plugin with."""
import keyword
import re
from pathlib import Path

from edgeos.plugins.errors import PluginError
from edgeos.plugins.manifest import check_id

TEMPLATE = Path(__file__).with_name('template')
SUFFIX = '.in'  # of files with names to be filled in; also keeps tools from taking them for our code


class CannotMake(PluginError):
    """Raised when there is a folder already, or the id is none."""


def make_new(plugin_id: str, folder: Path) -> list[Path]:
    """Fill the template in; answers what was written. Raises CannotMake or OSError."""
    try:
        check_id(plugin_id)
    except ValueError as error:
        raise CannotMake(f'id: {error}') from None
    if folder.exists() or folder.is_symlink():
        raise CannotMake(f'{folder} exists already, and nothing in it was changed')
    module = re.sub(r'-+', '_', plugin_id.strip('-')) + '_plugin'  # so it can be no module of Python's own
    words = [word for word in plugin_id.split('-') if word]
    class_name = ''.join(word.capitalize() for word in words)
    if keyword.iskeyword(class_name):  # None, True, False
        class_name += 'Plugin'
    names = {'@id@': plugin_id, '@module@': module, '@name@': ' '.join(words).capitalize(),
             '@class@': class_name}  # fmt: skip
    written = []
    for source in sorted(TEMPLATE.rglob('*')):
        if not source.is_file():
            continue
        target = folder / _filled(source.relative_to(TEMPLATE).as_posix().removesuffix(SUFFIX), names)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding='utf-8')
        target.write_text(_filled(text, names) if source.suffix == SUFFIX else text, encoding='utf-8')
        written.append(target)
    return written


def _filled(text: str, names: dict[str, str]) -> str:
    for mark, name in names.items():
        text = text.replace(mark, name)
    return text
