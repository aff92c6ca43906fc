"""logind as far as a power menu goes, on a private bus: it says what is allowed and notes what it was told."""
from dbus_fast import Message, MessageType

from edgeos.power import MANAGER
from tests.devices.bluez.wire import Wire


class FakeLogind:
    """`reboot` and `power_off` are its answers: yes, no, challenge, na. With `refuses`, it does neither after all."""

    def __init__(self, address: str, reboot: str = 'yes', power_off: str = 'yes', refuses: str = '') -> None:
        self.orders: list[str] = []
        self._answers = {'CanReboot': reboot, 'CanPowerOff': power_off}
        self._refuses = refuses
        self._wire = Wire(address, MANAGER[0], self._take, lambda _client: None, lambda: None)

    async def start(self) -> 'FakeLogind':
        """Returns when it can be asked."""
        await self._wire.open()
        return self

    async def stop(self) -> None:
        """Off the bus."""
        await self._wire.close()

    def freeze(self) -> None:
        """It hears and says nothing."""
        self._wire.freeze()

    def _take(self, call: Message) -> None:
        assert (call.path, call.interface) == MANAGER[1:]
        if call.member in self._answers:
            self._wire.send(Message.new_method_return(call, 's', [self._answers[call.member]]))
        elif self._refuses:
            self._wire.send(Message.new_error(call, self._refuses, 'no'))
        else:
            assert (call.member, call.signature, call.body) in [('Reboot', 'b', [False]), ('PowerOff', 'b', [False])]
            self.orders.append(str(call.member))
            reply = Message.new_method_return(call)
            assert reply.message_type is MessageType.METHOD_RETURN
            self._wire.send(reply)
