"""The UDP side of a PLC, as small as can be: says who it is, adds routes for one login."""
import asyncio
import struct

from edgeos.connections.plc_udp import ADD_ROUTE, ANSWER, IDENTIFY, Tag, build, parse_frame

NET_ID = '5.18.52.86.1.1'
LOGIN = (b'Administrator\0', b'geheim\0')


def identity_answer(twincat=(3, 1, 4024), name='CX-12AB34', net_id=NET_ID):
    """As TwinCAT 3 on Windows answers."""
    return build(IDENTIFY | ANSWER, net_id, {
        Tag.COMPUTER: name.encode() + b'\0', Tag.SYSTEM: struct.pack('<5I', 276, 10, 0, 19045, 2) + bytes(256),
        Tag.TWINCAT: struct.pack('<BBH', *twincat), 18: b'f' * 65})  # fmt: skip


def route_answer(status):
    """The outcome of a request for a route."""
    return build(ADD_ROUTE | ANSWER, NET_ID, {Tag.STATUS: struct.pack('<I', status)})


class FakeRouter(asyncio.DatagramProtocol):
    """`answers` replaces what it would say (b'' is silence); `deaf_for` requests it says nothing."""

    def __init__(self, host='127.0.0.1', port=0, identity=None):
        self.host, self.port, self.identity = host, port, identity or identity_answer()
        self.requests, self.peers, self.routes, self.answers, self.deaf_for = [], [], [], None, 0

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, self.port))
        self.port = self.transport.get_extra_info('sockname')[1]
        return self

    async def __aexit__(self, *exc):
        self.transport.close()
        await asyncio.sleep(0)  # when the socket is really closed

    def datagram_received(self, data, addr):
        self.requests.append(data)
        self.peers.append(addr)
        if len(self.requests) > self.deaf_for:
            for answer in [self._answer(data)] if self.answers is None else self.answers:
                if answer:
                    self.transport.sendto(answer, addr)

    def _answer(self, data):
        frame = parse_frame(data)
        if frame.service == IDENTIFY:
            return self.identity
        if (frame.tags[Tag.USER], frame.tags[Tag.PASSWORD]) != LOGIN:
            return route_answer(0x704)
        self.routes.append({'name': frame.tags[Tag.ROUTE][:-1].decode(), 'net_id': '.'.join(map(str, frame.tags[Tag.NET_ID])),
                            'address': frame.tags[Tag.COMPUTER][:-1].decode()})  # fmt: skip
        return route_answer(0)
