"""plugin.json: who a plugin is, what it needs, how it is run."""
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from edgeos.bounds import LEAST_CPU, LEAST_MEMORY
from edgeos.plugins.errors import BadPackage
from edgeos.plugins.findings import BadJson, Finding, explain, read_manifest_object
from edgeos.plugins.permissions import Permission, parse
from edgeos.plugins.versions import MOST_CHARACTERS, MOST_RANGE, Version, fits

FILE = 'plugin.json'
MOST_BYTES = 64 * 1024
ID = r'^[a-z][a-z0-9-]{1,62}$'
RESERVED = {'cache', 'work', 'storage', 'con', 'prn', 'aux', 'nul',  # our folders beside theirs; devices of Windows
            'available', 'refresh', 'sources'}  # addresses of the API
DEFAULT_SCHEMA = 'config.schema.json'


class BadManifest(BadPackage):
    """Raised for a plugin.json that cannot be used; the text names the key and what was expected."""


def check_id(text: str) -> str:
    """Answers it. Raises ValueError."""
    if not re.fullmatch(ID, text) or text.endswith('\n'):
        raise ValueError(f'expected 2 to 63 small letters, digits and "-", a letter first, got {text[:80]!r}')
    if text in RESERVED:
        raise ValueError(f'expected another id, got {text!r}, which is reserved')
    return text


def _version(text: str) -> str:
    Version.parse(text)
    return text


def _range(text: str) -> str:
    fits(text, '0.0.0')
    return text


def _permission(text: str) -> str:
    return str(parse(text))


def _entry(text: str) -> str:
    module, _, name = text.partition(':')
    if not all(part.isascii() and part.isidentifier() for part in (*module.split('.'), name)):
        raise ValueError('expected package.module:Class')
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError('expected one line without control characters')
    return text


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError('expected each only once')
    return values


def _web_address(text: str) -> str:
    if text and not re.fullmatch(r'https?://[^\s<>"\'\\]{1,480}', text):
        raise ValueError('expected an address that begins with https:// or http://')
    return text


One = Annotated[int, Field(ge=1, le=1)]
Id = Annotated[str, Field(json_schema_extra={'pattern': ID}), AfterValidator(check_id)]
Line = Annotated[str, AfterValidator(_printable)]
VersionText = Annotated[str, AfterValidator(_version)]
VersionRange = Annotated[str, Field(max_length=MOST_RANGE), AfterValidator(_range)]
Platform = Annotated[str, Field(pattern=r'^(linux|darwin|win32)(-[a-z0-9_]{1,20})?$')]
Program = Annotated[str, Field(pattern=r'^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$')]
PermissionText = Annotated[str, Field(max_length=600), AfterValidator(_permission)]
FileName = Annotated[str, Field(pattern=r'^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.json$')]
Permissions = Annotated[tuple[PermissionText, ...], Field(max_length=50), AfterValidator(_unique)]


class Part(BaseModel):
    """Nothing is taken for something else, and nothing unknown is passed over."""

    model_config = ConfigDict(frozen=True, extra='forbid', strict=True, populate_by_name=True,
                              defer_build=True)  # fmt: skip


class Requires(Part):
    """`edgeos` and `python` are ranges of versions; an empty list of platforms means all of them."""

    edgeos: VersionRange = ''
    python: VersionRange = '>=3.11'
    platforms: Annotated[tuple[Platform, ...], Field(max_length=20)] = Field(
        default=(), description='linux, darwin or win32, each also with a machine, such as linux-aarch64')  # fmt: skip
    system: Annotated[tuple[Program, ...], Field(max_length=20)] = Field(
        default=(), description='programs that have to be on the PATH of the device')  # fmt: skip


class Entry(Part):
    """What is run: a class made from edgeos_plugin.Plugin."""

    module: Annotated[str, Field(max_length=200), AfterValidator(_entry)]

    @property
    def package(self) -> str:
        """The outermost module: a folder, or a file with .py."""
        return self.module.partition(':')[0].partition('.')[0]


class Resources(Part):
    """What it is held to where the owner says nothing else."""

    cpu_percent: float = Field(default=50, ge=LEAST_CPU, le=800, allow_inf_nan=False, description='of one core')
    memory_mb: int = Field(default=150, ge=LEAST_MEMORY, le=4096)
    max_processes: int = Field(default=16, ge=1, le=256, description='at a time')


class Translation(Part):
    """What is said of it in another language."""

    description: Line = Field(default='', max_length=300)


Language = Annotated[str, Field(pattern=r'^[a-z]{2}$')]
Translations = Annotated[dict[Language, Translation], Field(max_length=50)]


class HealthCheck(Part):
    """How often it is asked whether it is well, and how long an answer may take."""

    interval_s: float = Field(default=10, ge=1, le=3600, allow_inf_nan=False)
    timeout_s: float = Field(default=5, ge=0.5, le=60, allow_inf_nan=False)
    misses: int = Field(default=3, ge=1, le=20)


class Manifest(Part):
    """A plugin.json that can be used."""

    schema_version: One = Field(alias='schema')
    id: Id
    name: Line = Field(min_length=1, max_length=60)
    version: VersionText = Field(max_length=MOST_CHARACTERS)
    description: Line = Field(default='', max_length=300)
    translations: Translations = {}
    author: Line = Field(default='', max_length=100)
    license: Line = Field(default='', max_length=60)
    homepage: Annotated[str, Field(max_length=500), AfterValidator(_web_address)] = ''
    api: One
    requires: Requires = Requires()
    entry: Entry
    mode: Literal['daemon'] = 'daemon'
    restart: Literal['on-failure', 'always', 'never'] = 'on-failure'
    permissions: Permissions = ()
    resources: Resources = Resources()
    health: HealthCheck = HealthCheck()
    start_timeout_s: float = Field(default=10, ge=1, le=120, allow_inf_nan=False)
    stop_timeout_s: float = Field(default=5, ge=0.5, le=30, allow_inf_nan=False)
    config_schema: FileName | None = Field(
        default=None, description=f'a file of the package; {DEFAULT_SCHEMA} where there is one')  # fmt: skip
    ui: dict[str, JsonValue] = Field(default={}, max_length=20)

    @property
    def schema_file(self) -> str:
        """Where the JSON Schema of the configuration is in the package; the default need not be there."""
        return self.config_schema or DEFAULT_SCHEMA

    @property
    def asked(self) -> tuple[Permission, ...]:
        """Its permissions, taken apart."""
        return tuple(parse(text) for text in self.permissions)


def descriptions_of(translations: Translations) -> dict[str, str]:
    """By language."""
    return {language: said.description for language, said in translations.items() if said.description}


def read_manifest(data: bytes) -> Manifest:
    """Raises BadManifest for the first thing that is wrong."""
    try:
        read_manifest_object(data, MOST_BYTES)
        return Manifest.model_validate_json(data, by_name=False, by_alias=True)
    except ValidationError as error:
        found = list(explain(error))
        more = f' (and {len(found) - 1} more)' if len(found) > 1 else ''
        raise BadManifest(f'{Finding(FILE, *found[0])}{more}') from None
    except BadJson as error:
        raise BadManifest(f'{FILE}: {error}') from None


def manifest_findings(data: bytes) -> list[Finding]:
    """Everything that is wrong with it."""
    try:
        read_manifest_object(data, MOST_BYTES)
        Manifest.model_validate_json(data, by_name=False, by_alias=True)
    except ValidationError as error:
        return [Finding(FILE, *found) for found in explain(error)]
    except BadJson as error:
        return [Finding(FILE, '', str(error))]
    return []


def manifest_schema() -> dict[str, Any]:
    """JSON Schema of plugin.json, for the editors of authors."""
    return {'$schema': 'https://json-schema.org/draft/2020-12/schema', **Manifest.model_json_schema(by_alias=True),
            'title': 'plugin.json of SmartHome Edge OS'}  # fmt: skip
