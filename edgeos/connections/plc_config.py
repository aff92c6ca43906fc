"""The settings of a PLC connection."""
import ipaddress
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, ValidationInfo, field_validator

from edgeos.ads.symbols import variable
from edgeos.settings import StrictModel

ADS_PORT = 48898
LONGEST_NAME = 255
MOST_PATTERNS = 2000

Pattern = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class Endpoint(NamedTuple):
    """Where the router of a PLC listens."""

    host: str
    port: int


class PlcVariable(StrictModel):
    """A value of a controller without symbols, by index group and offset."""

    name: Pattern
    group: int = Field(ge=0, le=0xFFFFFFFF)
    offset: int = Field(ge=0, le=0xFFFFFFFF)
    type: str = Field(min_length=1, max_length=LONGEST_NAME)

    @field_validator('type')
    @classmethod
    def _has_values(cls, kind: str, info: ValidationInfo) -> str:
        variable(info.data.get('name', ''), info.data.get('group', 0), info.data.get('offset', 0), kind, 'auto')
        return kind


class PlcConfig(StrictModel):
    """`[connections.config]` of type plc. An empty NetId is the address with `.1.1` behind it."""

    host: str = Field(min_length=1, max_length=260)
    ams_net_id: str = ''
    ams_port: int = Field(default=851, ge=1, le=65535)
    poll_ms: int = Field(default=200, ge=10, le=3_600_000)
    timeout_ms: int = Field(default=2000, ge=100, le=10_000)
    symbols: list[Pattern] = Field(default=[], max_length=MOST_PATTERNS)
    source_net_id: str = ''
    notifications: bool = False
    encoding: Literal['auto', 'cp1252', 'utf-8'] = 'auto'
    variables: list[PlcVariable] = Field(default=[], max_length=MOST_PATTERNS)

    @field_validator('host')
    @classmethod
    def _host_and_port(cls, host: str) -> str:
        if problem := host_problem(host):
            raise ValueError(problem)
        return host

    @field_validator('ams_net_id', 'source_net_id')
    @classmethod
    def _six_numbers(cls, net_id: str) -> str:
        if net_id and not is_net_id(net_id):
            raise ValueError('expected six numbers from 0 to 255 with dots between them, as 192.168.1.5.1.1')
        return net_id

    @field_validator('variables')
    @classmethod
    def _names_are_unique(cls, variables: list[PlcVariable]) -> list[PlcVariable]:
        seen: set[str] = set()
        for each in variables:
            if each.name.casefold() in seen:
                raise ValueError(f'the name {each.name!r} stands twice')
            seen.add(each.name.casefold())
        return variables

    @property
    def endpoint(self) -> Endpoint:
        """Host and TCP port."""
        return endpoint_of(self.host)


def is_net_id(text: str) -> bool:
    """Six numbers from 0 to 255 with dots between them."""
    parts = text.split('.')
    return len(parts) == 6 and all(part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255
                                   for part in parts)  # fmt: skip


def endpoint_of(host: str) -> Endpoint:
    """`name`, `name:port` or `1.2.3.4:port`; raises ValueError."""
    name, separator, port = host.partition(':')
    if separator and not (port.isascii() and port.isdigit() and 0 < int(port) <= 65535):
        raise ValueError(f'{port!r} is no port from 1 to 65535')
    return Endpoint(name, int(port) if separator else ADS_PORT)


def host_problem(host: str) -> str:
    """Why it is no host; empty if it is one."""
    if any(c in '/@' or c.isspace() or not c.isprintable() for c in host):
        return 'expected a host name or an address, without scheme, user, path or blanks'
    try:
        name, _port = endpoint_of(host)
    except ValueError as error:
        return str(error)
    is_name = 0 < len(name) <= 253 and all(c.isalnum() or c in '.-_' for c in name)
    return '' if is_name else 'expected a host name or an address'


def default_net_id(address: str) -> str:
    """What TwinCAT makes of an IPv4 address; empty for anything else."""
    try:
        return f'{ipaddress.IPv4Address(address)}.1.1'
    except ValueError:
        return ''
