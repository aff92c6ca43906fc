"""bumble's host stack, made to survive the sudden end of its adapter."""

from bumble.hci import HCI_Packet
from bumble.host import Host
from bumble.transport.common import TransportLostError


class SteadyHost(Host):
    """Commands to an adapter that is gone fail at once, not after 10 seconds, and giving one up then is no error."""

    is_lost = False

    def on_transport_lost(self) -> None:
        """Links are lost, and who waits for the adapter is told."""
        self.is_lost = True
        if self.pending_response is not None and self.pending_response.done():
            self.pending_response = None
        super().on_transport_lost()  # type: ignore[no-untyped-call]  # bumble says nothing about it

    def send_hci_packet(self, packet: HCI_Packet) -> None:
        """Raises TransportLostError."""
        if self.is_lost:
            raise TransportLostError('the adapter is gone')
        super().send_hci_packet(packet)
