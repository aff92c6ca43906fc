"""What goes wrong on the way to a PLC, said for the owner."""
from typing import Any

from edgeos.ads.errors import CONFIG, DEAD, NO_ANSWER, NO_SUCH_MACHINE, NO_SUCH_PORT, RUN
from edgeos.connections.reach_failures import no_way
from edgeos.connections.state import ConnectionFailure

STATES = {0: 'INVALID', 1: 'IDLE', 2: 'RESET', 3: 'INIT', 4: 'START', RUN: 'RUN', 6: 'STOP', 7: 'SAVECFG',
          8: 'LOADCFG', 9: 'POWERFAILURE', 10: 'POWERGOOD', 11: 'ERROR', 12: 'SHUTDOWN', 13: 'SUSPEND', 14: 'RESUME',
          CONFIG: 'CONFIG', 16: 'RECONFIG'}  # fmt: skip


def failed_to_reach(error: OSError, address: str) -> ConnectionFailure:
    """What an exception of the TCP probe means to the owner."""
    if isinstance(error, ConnectionRefusedError):
        return ConnectionFailure('refused', '{address} is there, but nothing listens for ADS.',
                                 'Check that TwinCAT runs on it, and that its firewall lets TCP 48898 in.',
                                 address=address)  # fmt: skip
    if isinstance(error, TimeoutError):
        return ConnectionFailure('timeout', '{address} did not answer.',
                                 'Check that the PLC is on, in this network, and not behind a firewall.',
                                 address=address)  # fmt: skip
    if isinstance(error, ConnectionError):
        return ConnectionFailure('connection_lost', '{address} closed the connection at once.',
                                 'It is tried again by itself.', address=address)  # fmt: skip
    return no_way(error, address)


def not_running(address: str, state: int) -> ConnectionFailure:
    """The PLC answers, but its program does not run."""
    name = STATES.get(state, str(state))
    hint = ('It is in configuration mode: activate the configuration and start TwinCAT in run mode.'
            if state == CONFIG else 'Start its program; values come back by themselves.')  # fmt: skip
    return ConnectionFailure('plc_not_running', '{address} answers, but the PLC is in {state}.', hint,
                             address=address, state=name)  # fmt: skip


class Ends:
    """Both ends of a link as the owner knows them."""

    def __init__(self, address: str, net_id: str, ams_port: int, source: str) -> None:
        self.address = address
        self.net_id = net_id
        self.ams_port = ams_port
        self.source = source


def ads_failure(code: int, text: str, ends: Ends, *, answered: bool, data: dict[str, Any]) -> ConnectionFailure:
    """What an ADS error while opening, or later, means to the owner; `answered`: this PLC has answered before."""
    if 'state' in data and data['state'] != RUN:
        return not_running(ends.address, data['state'])
    if code == NO_SUCH_PORT:
        return ConnectionFailure('wrong_ams_port', '{address} answers, but has no runtime on AMS port {port}.',
                                 'TwinCAT 3 uses 851, 852 …, TwinCAT 2 uses 801, 811 …; the PLC may also still be '
                                 'starting.', address=ends.address, port=ends.ams_port)  # fmt: skip
    if code == NO_SUCH_MACHINE:
        return ConnectionFailure('wrong_net_id', '{address} answers, but is not {net_id}.',
                                 'Take over the AMS NetId that is shown in TwinCAT on the PLC.',
                                 address=ends.address, net_id=ends.net_id)  # fmt: skip
    if code == NO_ANSWER and not answered:
        return ConnectionFailure('no_route', '{address} accepts the connection, but does not answer {source}.',
                                 'Either the PLC has no route back: add one to {source}. Or {net_id} is not its '
                                 'AMS NetId.', address=ends.address, source=ends.source,
                                 net_id=ends.net_id)  # fmt: skip
    if code == NO_ANSWER:
        return ConnectionFailure('timeout', '{address} has gone quiet.',
                                 'Check the PLC and the network; it is tried again by itself.', address=ends.address)
    if code == DEAD:
        return ConnectionFailure('connection_lost', 'The connection to {address} was lost.',
                                 'It is tried again by itself.', address=ends.address)  # fmt: skip
    return ConnectionFailure('internal', '{address} answered with ADS error {number}: {why}.',
                             'It is tried again by itself; if it stays, look the number up with Beckhoff.',
                             address=ends.address, number=code, why=text or 'unknown')  # fmt: skip
