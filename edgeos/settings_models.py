"""What may stand in settings.toml: every table, key, default and range."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from edgeos.bounds import LEAST_CPU, LEAST_MEMORY

Id = Annotated[str, Field(pattern=r'^[a-z][a-z0-9_-]{0,62}$')]


def _point_path(value: str) -> str:
    source, _, name = value.partition('/')
    if not source or not name:
        raise ValueError('expected "<connection or plugin id>/<point name>"')
    return value


PointPath = Annotated[str, Field(max_length=70_000), AfterValidator(_point_path)]


class StrictModel(BaseModel):
    """Refuses unknown keys, and values that would have to be converted."""

    model_config = ConfigDict(extra='forbid', strict=True, frozen=True, allow_inf_nan=False, validate_by_name=True,
                              hide_input_in_errors=True)  # fmt: skip


class AppSettings(StrictModel):
    host: str = Field(default='127.0.0.1', pattern=r'^[A-Za-z0-9.:_%-]+$', max_length=253)
    port: int = Field(default=8080, ge=0, le=65535)
    language: Literal['auto', 'en', 'de'] = 'auto'
    theme: Literal['auto', 'light', 'dark'] = 'auto'


class SecuritySettings(StrictModel):
    password_hash: str = Field(default='', max_length=500)
    pin_hash: str = Field(default='', max_length=500)
    allowed_hosts: list[Annotated[str, Field(min_length=1, max_length=253)]] = Field(default=[], max_length=100)

    @field_validator('password_hash', 'pin_hash')
    @classmethod
    def _is_a_hash(cls, value: str) -> str:
        if value and not value.startswith('$argon2'):
            raise ValueError('expected an argon2 hash as "python main.py --set-password" writes it')
        return value


def _none_or(least: float) -> Callable[[float], float]:
    def check(value: float) -> float:
        if 0 < value < least:
            raise ValueError(f'expected 0 for no limit, or at least {least:g}')
        return value

    return check


MOST_CPU, MOST_MEMORY = 100 * (os.cpu_count() or 1), 1_048_576
CpuLimit = Annotated[float, Field(ge=0, le=MOST_CPU), AfterValidator(_none_or(LEAST_CPU))]
MemoryLimit = Annotated[int, Field(ge=0, le=MOST_MEMORY), AfterValidator(_none_or(LEAST_MEMORY))]


class ProcessLimit(StrictModel):
    """Of one plugin or worker; left out is the default, 0 is none."""

    cpu_percent: CpuLimit | None = None
    memory_mb: MemoryLimit | None = None


ProcessName = Annotated[str, Field(min_length=1, max_length=200)]


class LimitSettings(StrictModel):
    """`cpu_percent` is of one core, per plugin or worker; `processes` are those with limits of their own, by name."""

    cpu_percent: float = Field(default=50.0, ge=LEAST_CPU, le=MOST_CPU)
    memory_mb: int = Field(default=150, ge=LEAST_MEMORY, le=MOST_MEMORY)
    check_interval: float = Field(default=0.5, ge=0.1, le=60, description='s')
    processes: dict[ProcessName, ProcessLimit] = Field(default={}, max_length=1000)


class SentrySettings(StrictModel):
    """An unusable DSN is a warning when it is used, not an error of the file."""

    dsn: str = Field(default='', max_length=2048)
    environment: str = Field(default='production', max_length=64)
    traces_sample_rate: float = Field(default=1.0, ge=0, le=1)
    ca_file: str = Field(default='', max_length=4096)
    enabled: bool = True


class KioskSettings(StrictModel):
    """The panel on the wall: when it dims and goes dark (0: never), and what it offers."""

    dim_s: int = Field(default=120, ge=0, le=86_400, description='s without a touch')
    dark_s: int = Field(default=600, ge=0, le=86_400, description='s without a touch')
    keyboard: Literal['auto', 'always', 'never'] = 'auto'
    power_menu: bool = True


class GatewaySettings(StrictModel):
    max_rate_per_source: int = Field(default=500, ge=1, le=1_000_000, description='point updates per second')


class ConnectionSettings(StrictModel):
    id: Id
    type: str = Field(min_length=1, max_length=63)
    name: str = Field(default='', max_length=200)
    enabled: bool = True
    config: dict[str, Any] = {}


class RouteSettings(StrictModel):
    id: Id
    from_: PointPath = Field(validation_alias='from', serialization_alias='from')
    to: PointPath
    enabled: bool = True
    scale: float = 1.0
    offset: float = 0.0
    min_change: float = Field(default=0.0, ge=0)


class Settings(StrictModel):
    schema_version: Literal[1] = 1
    app: AppSettings = AppSettings()
    security: SecuritySettings = SecuritySettings()
    limits: LimitSettings = LimitSettings()
    sentry: SentrySettings = SentrySettings()
    gateway: GatewaySettings = GatewaySettings()
    kiosk: KioskSettings = KioskSettings()
    connections: list[ConnectionSettings] = Field(default=[], max_length=2000)
    routes: list[RouteSettings] = Field(default=[], max_length=10_000)


DEFAULT_TEXT = """\
# Settings of SmartHome Edge OS. The pages write this file too and keep your comments.
# Keys behind a # have the value shown; take the # away to change one.

schema_version = 1

[app]
# host = "127.0.0.1"             # anything but loopback requires a password: python main.py --set-password
# port = 8080
# language = "auto"              # auto | en | de
# theme = "auto"                 # auto | light | dark

[limits]
# cpu_percent = 50               # of one core, per plugin or worker
# memory_mb = 150
# check_interval = 0.5           # s

[sentry]
# dsn = ""
# environment = "production"
# traces_sample_rate = 1.0
# ca_file = ""                   # for a Sentry server of your own with a private CA
# enabled = true                 # false: keep the DSN, but send nothing

[gateway]
# max_rate_per_source = 500      # point updates per second

[kiosk]                          # the panel on the wall: python main.py --kiosk
# dim_s = 120                    # s without a touch until the screen dims, 0 never
# dark_s = 600                   # s without a touch until it goes dark, 0 never
# keyboard = "auto"              # auto: unless a real one is plugged in | always | never
# power_menu = true              # restart, reboot and shut down from the panel, behind the PIN

# Connections are added on the page, or by hand:
#
# [[connections]]
# id = "mqtt_home"
# type = "mqtt"
# name = "Broker at home"
# [connections.config]
# host = "192.168.1.10"
"""
