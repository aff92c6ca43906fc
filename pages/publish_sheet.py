"""Writing to a name that was never seen: for MQTT, any topic."""
from nicegui import ui

from edgeos.connections.connection import Connection
from edgeos.connections.state import WriteRefused
from edgeos.gateway import UnknownPoint
from pages.forms import text_field
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.rows import say_refusal
from pages.sheet import Button, Sheet, Text, one_per_page
from pages.write_form import Delivery, RawField

KINDS = frozenset(('mqtt',))  # types that can write to names they have not seen


def can_publish(connection: Connection) -> bool:
    """Whether its device takes values under names of the owner's choice."""
    return connection.KIND in KINDS


async def open_publish(house: House, connection: Connection) -> None:
    """Ask for topic and message."""
    if await may_edit(house):
        one_per_page('publish', lambda: PublishSheet(house, connection)).open()


class PublishSheet:
    """What is typed stays when it is closed, for the next message to the same topic."""

    def __init__(self, house: House, connection: Connection) -> None:
        self._gateway = house.system.gateway
        self._connection = connection
        self._sheet = Sheet(_('Write to a topic'), on_submit=self._submit)
        with self._sheet.body, ui.element('div').classes('eo-form'):
            self._topic = text_field(_('Topic'), placeholder='house/lamp/set', required=True,
                                     hint=_('The whole topic, without + and #.'))  # fmt: skip
            self._topic.focus_first()
            self._message = RawField('lines', _('Message'), '', _('Sent exactly as it is written here.'), rows=3)
            self._delivery = Delivery(connection)
            self._status = Text('p', '', 'cp-sent').props('role=status')
        with self._sheet.bar:
            Button(_('Close'), self._sheet.close)
            self._send = Button(_('Send'), look='pri', submits=True)

    def open(self) -> None:
        """Show it, with what was typed before."""
        self._status.text = ''
        self._sheet.open()

    async def _submit(self) -> None:
        if not self._topic.check():
            self._topic.focus()
            return
        self._send.set_busy(True)
        try:
            await self._gateway.write(f'{self._connection.id}/{self._topic.value}', self._message.value,
                                      **self._delivery.options())  # fmt: skip
        except (WriteRefused, UnknownPoint) as error:
            self._say(say_refusal(_, error), is_trouble=True)
        else:
            self._say(_('Sent to {topic}.').format(topic=self._topic.value), is_trouble=False)
        finally:
            self._send.set_busy(False)

    def _say(self, text: str, *, is_trouble: bool) -> None:
        self._status.classes(add='eo-error' if is_trouble else '', remove='' if is_trouble else 'eo-error')
        self._status.text = text
