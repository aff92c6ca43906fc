"""The form for MQTT connections."""
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from nicegui import ui
from pydantic import BaseModel

from edgeos.connections.mqtt_config import MqttConfig, filter_problem, topic_problem
from edgeos.discovery import Found
from edgeos.secrets import MASK
from pages.connection_form import ConnectionForm
from pages.forms import (
    Field,
    advanced,
    choice_field,
    lines_field,
    number_field,
    secret_field,
    switch_field,
    text_field,
)
from pages.i18n import _
from pages.sheet import Text

PLAIN_PORT, TLS_PORT = 1883, 8883
SCHEMES = {'mqtt': False, 'tcp': False, 'mqtts': True, 'ssl': True, 'tls': True}  # whether it is TLS


class MqttForm(ConnectionForm):
    """A broker's address, login and topics; the rest is folded."""

    KIND: ClassVar[str] = 'mqtt'
    ICON: ClassVar[str] = 'mqtt'
    CONFIG: ClassVar[type[BaseModel]] = MqttConfig
    ALWAYS_WRITTEN: ClassVar[tuple[str, ...]] = ('host', 'port', 'topics')

    @classmethod
    def title(cls) -> str:
        return _('MQTT broker')

    @classmethod
    def explanation(cls) -> str:
        return _('Mosquitto, Home Assistant, Zigbee2MQTT, Tasmota, Shelly and others.')

    def __init__(self, on_change: Callable[[], Any]) -> None:
        super().__init__(on_change)
        self._add_address()
        self._add_login()
        self.topics = lines_field(_('Topics'), ['#'], _('One per line. # stands for all topics, + for one level.'))
        with advanced(_('Advanced')):
            self._add_reading()
            self._add_writing()
            self._add_certificates()
        self.fields = {
            'host': self.host, 'port': self.port, 'tls': self.tls, 'username': self.username,
            'password': self.password, 'topics': self.topics, 'protocol': self.protocol, 'qos': self.qos,
            'keepalive_s': self.keepalive, 'client_id': self.client_id, 'max_points': self.max_points,
            'write_qos': self.write_qos, 'write_retain': self.write_retain, 'write_topics': self.write_topics,
            'ca_file': self.ca_file, 'cert_file': self.cert_file, 'key_file': self.key_file,
            'tls_insecure': self.tls_insecure,
        }  # fmt: skip
        self.tls.on_change(self._on_tls)
        for field in self.fields.values():
            field.on_change(on_change)

    def _add_address(self) -> None:
        with ui.element('div').classes('eo-fields'):
            self.host = text_field(_('Host'), hint=_('Name or address of the broker.'), placeholder='192.168.1.20',
                                   required=True)  # fmt: skip
            self.port = number_field(_('Port'), PLAIN_PORT, low=1, high=65535)
        self.tls = switch_field(_('Encrypted (TLS)'))

    def _add_login(self) -> None:
        with ui.element('div').classes('eo-fields even'):
            self.username = text_field(_('User name'), hint=_('Blank if the broker asks for none.'))
            self.password = secret_field(_('Password'))

    def _add_reading(self) -> None:
        qos = {'0': _('0 · at most once'), '1': _('1 · at least once'), '2': _('2 · exactly once')}
        with ui.element('div').classes('eo-fields even'):
            self.protocol = choice_field(_('Protocol'), {'auto': _('Automatic (5, then 3.1.1)'), '5': 'MQTT 5',
                                                         '3.1.1': 'MQTT 3.1.1'})  # fmt: skip
            self.qos = choice_field(_('Quality of service'), qos, hint=_('For the topics that are read.'))
            self.keepalive = number_field(_('Keep-alive'), low=2, high=60, unit='s',
                                          hint=_('A dead link is noticed within twice this time.'))  # fmt: skip
            self.max_points = number_field(_('Most values'), low=1, high=100_000,
                                           hint=_('Protects this device from brokers without end.'))  # fmt: skip
        self.client_id = text_field(_('Client id'), hint=_('Leave it blank: one is made for you.'))

    def _add_writing(self) -> None:
        qos = {'0': _('0 · at most once'), '1': _('1 · at least once'), '2': _('2 · exactly once')}
        self.write_qos = choice_field(_('Quality of service for writing'), qos)
        self.write_retain = switch_field(_('Broker keeps what is written (retain)'))
        self.write_topics = lines_field(_('Topics for writing'), rows=2, placeholder='lamp/state = lamp/set',
                                        hint=_('Where a value is set on another topic than it is read: '
                                               'value = topic, one per line.'))  # fmt: skip

    def _add_certificates(self) -> None:
        with ui.element('div').classes('eo-form') as self._certificates:
            self.ca_file = text_field(_('CA file'), placeholder='/etc/ssl/my-ca.pem',
                                      hint=_('PEM file on this device that signed the broker\'s certificate. '
                                             'Blank: the public authorities.'))  # fmt: skip
            self.cert_file = text_field(_('Client certificate'), hint=_('PEM file, if the broker asks for one.'))
            self.key_file = text_field(_('Client key'), hint=_('PEM file; blank if it is part of the certificate.'))
            self.tls_insecure = switch_field(_('Accept any certificate'))
            with ui.element('div').classes('eo-why eo-warn') as self._insecure:
                Text('b', _('Anybody in the network can then pass for this broker and read the password.'))
                Text('span', _('Use it for a test only; better choose the CA file.'), 'next')
        self.tls_insecure.on_change(self._show_what_matters)

    # in and out

    def fill(self, config: Mapping[str, Any]) -> None:
        values = {**{key: self.default_of(key) for key in self.fields if key != 'host'}, 'host': '', **config}
        for key, field in self.fields.items():
            if key == 'write_topics':
                field.value = [f'{point} = {topic}' for point, topic in values[key].items()]
            else:
                field.value = str(values[key]) if key in ('qos', 'write_qos') else values[key]
        self.password.set_hint(_('One is stored. Clear the field to forget it.') if values['password'] == MASK else
                               _('Kept apart from the settings. env:NAME takes it from the environment variable '
                                 'NAME.'))  # fmt: skip
        self._show_what_matters()

    def values(self) -> dict[str, Any]:
        found = {key: field.value for key, field in self.fields.items()}
        found['qos'], found['write_qos'] = int(self.qos.value), int(self.write_qos.value)
        found['write_topics'] = dict(pair for pair in map(split_pair, self.write_topics.value) if pair)
        return found

    def take_found(self, found: Found) -> None:
        self.host.value = str(found.config.get('host', ''))
        self.port.value = int(found.config.get('port', PLAIN_PORT))
        self.tls.value = bool(found.config.get('tls', False))
        self._show_what_matters()

    # checking

    def check(self) -> bool:
        self._take_address_apart()
        results = [field.check() for field in (self.host, self.port, self.keepalive, self.max_points)]
        return all([*results, self._check_host(), self._check_topics(), self._check_write_topics()])

    def _take_address_apart(self) -> None:
        address = split_address(self.host.value)
        if address.host != self.host.value:
            self.host.value = address.host
            if address.tls is not None:
                self.tls.value = address.tls
                self._on_tls()
            if address.port is not None:
                self.port.value = address.port

    def _check_host(self) -> bool:
        host = self.host.value
        if any(mark in host for mark in ('/', ' ', '\t', '@')) or len(host) > 253:
            self.host.show_error(_('Enter a name or an address only, for example 192.168.1.20.'))
        return not self.host.error

    def _check_topics(self) -> bool:
        for topic in self.topics.value:
            if problem := filter_problem(topic):
                self.topics.show_error(f'{topic[:80]}: {topic_words().get(problem, problem)}')
                return False
        if len(self.topics.value) > 500:
            self.topics.show_error(_('Up to 500 topics; use # or + for more.'))
        return not self.topics.error

    def _check_write_topics(self) -> bool:
        for line in self.write_topics.value:
            pair = split_pair(line)
            if pair is None:
                self.write_topics.show_error(_('{line}: write it as value = topic.').format(line=line[:80]))
            elif problem := topic_problem(pair[1]):
                self.write_topics.show_error(f'{pair[1][:80]}: {topic_words().get(problem, problem)}')
        return not self.write_topics.error

    def plain(self, key: str, message: str) -> str:
        return {'host': _('Enter a name or an address only, for example 192.168.1.20.'),
                'client_id': _('Up to 256 characters.')}.get(key, message)  # fmt: skip

    def repair_of(self, code: str) -> tuple[str, Field[Any]] | None:
        repairs: dict[str, tuple[str, Field[Any]]] = {
            'refused': (_('Change the port'), self.port), 'timeout': (_('Change the address'), self.host),
            'name_not_resolved': (_('Change the name'), self.host), 'no_route': (_('Change the address'), self.host),
            'not_authorised': (_('Change the login'), self.password if self.username.value else self.username),
            'tls_failed': (_('Choose the CA file'), self.ca_file),
            'topic_refused': (_('Change the topics'), self.topics),
            'connection_lost': (_('Change the port'), self.port),
        }  # fmt: skip
        return repairs.get(code)

    # reacting

    def _on_tls(self) -> None:
        other, usual = (PLAIN_PORT, TLS_PORT) if self.tls.value else (TLS_PORT, PLAIN_PORT)
        if self.port.value == other:
            self.port.value = usual
        self._show_what_matters()

    def _show_what_matters(self) -> None:
        self._certificates.set_visibility(self.tls.value)
        self._insecure.set_visibility(self.tls_insecure.value)


class Address(NamedTuple):
    """What somebody may have pasted into the host field."""

    host: str
    port: int | None = None
    tls: bool | None = None


def split_address(text: str) -> Address:
    """Host, port and TLS of `mqtts://host:8883/`, `host:1883` or `[::1]:1883`; other text is the host as it is."""
    found = re.fullmatch(r'(?:(\w+)://)?(\[[0-9a-fA-F:.]+]|[^/:@\s]+)(?::(\d{1,5}))?/?', text)
    if found is None or (found[1] and found[1].lower() not in SCHEMES):
        return Address(text)
    tls = SCHEMES[found[1].lower()] if found[1] else None
    return Address(found[2].strip('[]'), int(found[3]) if found[3] else None, tls)


def split_pair(line: str) -> tuple[str, str] | None:
    """The two sides of `value = topic`; with blanks around it, the sign may also stand inside a name."""
    left, sign, right = line.partition(' = ') if ' = ' in line else line.partition('=')
    return (left.strip(), right.strip()) if sign and left.strip() and right.strip() else None


def topic_words() -> dict[str, str]:
    """What is wrong with a topic, in the owner's language."""
    return {
        'it is empty': _('it is empty'),
        '+ and # stand for other topics': _('+ and # stand for other topics; name one'),
        '# must be the whole last level': _('# can only be the whole last level'),
        '+ must be a whole level': _('+ can only be a whole level'),
        'it contains a NUL character': _('it contains a character that is not allowed'),
        'it is no valid text': _('it contains a character that is not allowed'),
        'it contains characters that brokers refuse': _('it contains a character that is not allowed'),
        'topics that begin with $ belong to the broker': _('topics that begin with $ belong to the broker'),
        'it is longer than 65535 bytes': _('it is too long'),
    }
