"""The settings of an MQTT connection."""
import unicodedata
from typing import Annotated, Literal

from pydantic import Field, field_validator

from edgeos.settings import StrictModel

Qos = Annotated[int, Field(ge=0, le=2)]
TopicFilter = Annotated[str, Field(min_length=1, max_length=65535)]


class MqttConfig(StrictModel):
    """`[connections.config]` of type mqtt. Files are paths; `write_topics` maps a point to the topic that sets it."""

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=1883, ge=1, le=65535)
    topics: list[TopicFilter] = Field(default=['#'], max_length=500)
    qos: Qos = 0
    keepalive_s: int = Field(default=10, ge=2, le=60)
    max_points: int = Field(default=5000, ge=1, le=100_000)
    client_id: str = Field(default='', max_length=256)
    write_qos: Qos = 0
    write_retain: bool = False
    write_topics: dict[str, str] = {}
    tls: bool = False
    ca_file: str = ''
    cert_file: str = ''
    key_file: str = ''
    tls_insecure: bool = False
    username: str = ''
    password: str = ''
    protocol: Literal['auto', '5', '3.1.1'] = 'auto'

    @field_validator('host')
    @classmethod
    def _host_without_scheme(cls, host: str) -> str:
        if any(c in '/@' or c.isspace() or not c.isprintable() for c in host):
            raise ValueError('expected a host name or an address, without scheme, user, path or blanks')
        return host

    @field_validator('topics')
    @classmethod
    def _topics_are_filters(cls, topics: list[str]) -> list[str]:
        for topic in topics:
            if problem := filter_problem(topic):
                raise ValueError(f'{topic!r} is no topic filter: {problem}')
        return topics

    @field_validator('write_topics')
    @classmethod
    def _write_topics_are_topics(cls, mapping: dict[str, str]) -> dict[str, str]:
        for topic in mapping.values():
            if problem := topic_problem(topic):
                raise ValueError(f'{topic!r} is no topic: {problem}')
        return mapping

    @field_validator('password')
    @classmethod
    def _no_password_in_the_file(cls, password: str) -> str:
        if password and not password.startswith('env:'):
            raise ValueError('expected "env:NAME"; a password itself is entered in the browser and kept apart')
        return password


def topic_problem(topic: str) -> str:
    """Why a topic cannot be published to; empty if it can."""
    if not topic:
        return 'it is empty'
    if '+' in topic or '#' in topic:
        return '+ and # stand for other topics'
    if topic.startswith('$'):
        return 'topics that begin with $ belong to the broker'
    if problem := _text_problem(topic):
        return problem
    refused = any(unicodedata.category(c) in ('Cc', 'Cn') for c in topic)
    return 'it contains characters that brokers refuse' if refused else ''


def filter_problem(topic: str) -> str:
    """Why a filter cannot be subscribed to; empty if it can."""
    levels = topic.split('/')
    if any('#' in level and level != '#' for level in levels) or '#' in levels[:-1]:
        return '# must be the whole last level'
    if any('+' in level and level != '+' for level in levels):
        return '+ must be a whole level'
    return _text_problem(topic)


def _text_problem(topic: str) -> str:
    if '\0' in topic:
        return 'it contains a NUL character'
    try:
        size = len(topic.encode())
    except UnicodeEncodeError:
        return 'it is no valid text'
    return '' if size <= 65535 else 'it is longer than 65535 bytes'
