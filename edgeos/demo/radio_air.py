"""The air between simulated radios: who hears whom, how strong, and links that die when nobody answers any more.

bumble's virtual link lacks what makes real radio difficult. Added here: distance, a signal strength that wanders, scan
responses, adverts of things that cannot be connected to, a supervision timeout on both ends of a link, a connect that
can be given up, and a controller that forgets everything when it is reset. Works with bumble 0.0.236 only.
"""

import asyncio
import math
from dataclasses import dataclass
from typing import cast

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.hci import Address
from bumble.link import LocalLink

TICK = 0.1  # s between two looks at the links
ESTABLISHED_WITHIN = 0.3  # s; a real link that starts gives up after six missed intervals
SUPERVISION = 6.0  # s without a sign of the other end after which a link is dead

_Report = hci.HCI_LE_Advertising_Report_Event.Report
_ReportType = hci.HCI_LE_Advertising_Report_Event.EventType


@dataclass
class Advert(ll.AdvInd):
    """An advert on the air, with what its sender would answer to who asks for more."""

    scan_response: bytes = b''
    is_connectable: bool = True
    rssi: int = -60  # dBm where it is heard, on average


@dataclass
class Pulse:
    """When the other end of a link was last there, and how long it may be silent; in s of the loop's clock."""

    heard_at: float
    timeout: float = SUPERVISION
    is_established: bool = False


class Air(LocalLink):
    """`far` holds the addresses of radios that nobody hears and that hear nobody."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # bumble says nothing about it
        self.far: set[str] = set()
        self._began = asyncio.get_running_loop().time()
        self._watch = asyncio.create_task(self._supervise(), name='air')

    def stop(self) -> None:
        self._watch.cancel()

    def carries(self, one: Address, other: Address) -> bool:
        """Whether they hear each other."""
        return plain(one) not in self.far and plain(other) not in self.far

    def rssi(self, usual: int, address: Address) -> int:
        """A strength around the usual one, in dBm: slow as somebody walks by, fast as fading; the same at one time."""
        age = asyncio.get_running_loop().time() - self._began
        phase = bytes(address)[0]
        return round(usual + 2.5 * math.sin(age / 5 + phase) + 1.5 * math.sin(age * 7.3 + phase))

    def find_le_controller(self, address: Address) -> Controller | None:
        return next((each for each in self.controllers if address in (each.public_address, each.random_address)), None)

    def send_advertising_pdu(self, sender_controller: Controller | None, packet: ll.AdvertisingPdu) -> None:
        """To all who hear it; neighbours that only speak have no controller."""
        sender = packet.initiator_address if isinstance(packet, ll.ConnectInd) else _advertiser(packet)
        for controller in self.controllers:
            if controller is not sender_controller and self.carries(sender, controller.public_address):
                asyncio.get_running_loop().call_soon(controller.on_ll_advertising_pdu, packet)

    def send_acl_data(
        self, sender_controller: Controller, destination_address: Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        link = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if link and receiver and self.carries(link.self_address, destination_address):
            asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, link.self_address, transport, data)

    def send_ll_control_pdu(self, sender_address: Address, receiver_address: Address, packet: ll.ControlPdu) -> None:
        receiver = self.find_le_controller(receiver_address)
        if receiver and self.carries(sender_address, receiver_address):
            asyncio.get_running_loop().call_soon(receiver.on_ll_control_pdu, sender_address, packet)

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for controller in tuple(self.controllers):
                for link in tuple(controller.le_connections.values()):
                    if isinstance(controller, RadioController):
                        controller.supervise(link, is_heard=self._hears_other_end(link))

    def _hears_other_end(self, link: Connection) -> bool:
        other = self.find_le_controller(link.peer_address)
        return (
            other is not None
            and link.self_address in other.le_connections
            and self.carries(link.self_address, link.peer_address)
        )


class RadioController(Controller):
    """A radio chip without extended advertising, which nothing here needs. `usual_rssi` is how it is heard."""

    le_features = Controller.le_features & ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING

    def __init__(self, name: str, air: Air, address: str, usual_rssi: int = -60) -> None:
        super().__init__(name, link=air, public_address=Address(address, Address.PUBLIC_DEVICE_ADDRESS))
        self.air = air
        self.usual_rssi = usual_rssi
        self._pulses: dict[Address, Pulse] = {}  # by the other end's address

    def unplug(self) -> None:
        """Gone without a word, as pulled out of its socket."""
        self.host = None
        self.le_legacy_advertiser.stop()
        self.air.remove_controller(self)

    # links

    def supervise(self, link: Connection, *, is_heard: bool) -> None:
        """Called again and again; ends the link when the other end has been silent for too long."""
        now = asyncio.get_running_loop().time()
        pulse = self._pulses.setdefault(link.peer_address, Pulse(now))
        if is_heard:
            pulse.is_established, pulse.heard_at = True, now
        elif not pulse.is_established and now - pulse.heard_at > ESTABLISHED_WITHIN:
            self.on_le_disconnected(link, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)
        elif pulse.is_established and now - pulse.heard_at > pulse.timeout:
            self.on_le_disconnected(link, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def on_link_acl_data(self, sender_address: Address, transport: PhysicalTransport, data: bytes) -> None:
        if pulse := self._pulses.get(sender_address):
            pulse.is_established = True
        super().on_link_acl_data(sender_address, transport, data)

    def create_le_connection(self, peer_address: Address) -> None:
        wanted = cast(hci.HCI_LE_Create_Connection_Command, self.pending_le_connection)
        self._begin(peer_address, wanted.supervision_timeout)
        super().create_le_connection(peer_address)

    def on_le_connect_ind(self, packet: ll.ConnectInd) -> None:
        if packet.advertiser_address == self.public_address:
            self._begin(packet.initiator_address, packet.timeout)
        super().on_le_connect_ind(packet)

    def _begin(self, peer: Address, timeout: int) -> None:
        self._pulses[peer] = Pulse(asyncio.get_running_loop().time(), timeout * 0.01)

    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        self._pulses.pop(connection.peer_address, None)
        super().on_le_disconnected(connection, reason)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Core specification, volume 4, part E, 7.8.13: the command completes, then the connect fails."""
        wanted, self.pending_le_connection = self.pending_le_connection, None
        if wanted is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        peer = cast(hci.HCI_LE_Create_Connection_Command, wanted).peer_address
        failed = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=peer.address_type,
            peer_address=peer,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, failed)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_reset_command(self, _command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        self.le_legacy_advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.le_connections.clear()
        self._pulses.clear()
        return super().on_hci_reset_command(_command)

    # adverts

    def send_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        if isinstance(packet, ll.AdvInd):
            response = self.le_legacy_advertiser.scan_response_data
            packet = Advert(packet.advertiser_address, packet.data, response, rssi=self.usual_rssi)
        super().send_advertising_pdu(packet)

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        if not isinstance(pdu, Advert):
            return
        if self.le_scan_enable:
            self._report(pdu)
        wanted = self.pending_le_connection
        if pdu.is_connectable and wanted is not None and wanted.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def _report(self, advert: Advert) -> None:
        """To the host: the advert, and the scan response where it scans actively."""
        is_scannable = advert.is_connectable or bool(advert.scan_response)
        plain_type = _ReportType.ADV_SCAN_IND if is_scannable else _ReportType.ADV_NONCONN_IND
        reports = [(_ReportType.ADV_IND if advert.is_connectable else plain_type, advert.data)]
        if is_scannable and self.le_scan_type == hci.HCI_LE_Set_Scan_Parameters_Command.ACTIVE_SCANNING:
            reports.append((_ReportType.SCAN_RSP, advert.scan_response))
        address = advert.advertiser_address
        for event_type, data in reports:
            report = _Report(event_type=event_type, address_type=address.address_type, address=address, data=data,
                             rssi=self.air.rssi(advert.rssi, address))  # fmt: skip
            self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))


def plain(address: Address) -> str:
    """As everybody writes it."""
    return address.to_string(with_type_qualifier=False)


def _advertiser(packet: ll.AdvertisingPdu) -> Address:
    return cast(ll.AdvInd, packet).advertiser_address
