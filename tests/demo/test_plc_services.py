"""What a simulated PLC answers, asked by a bare socket."""
import struct
from collections.abc import AsyncIterator

import pytest

from edgeos.demo.plc_bench import make_bare_plc, make_bench_plc
from edgeos.demo.plc_house import make_house3
from edgeos.demo.plc_house2 import make_house2
from edgeos.demo.plc_server import PlcServer
from tests.demo.plc_peers.wire import AdsError, Wire

NET_ID = '10.0.0.1.1.1'
SERVICE_ERRORS = {'group': 0x702, 'offset': 0x703, 'access': 0x704, 'size': 0x705, 'not found': 0x710}


@pytest.fixture(params=['house3'])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[PlcServer]:
    makers = {'house3': lambda: make_house3(NET_ID, seed=1), 'house2': lambda: make_house2(NET_ID, seed=1),
              'bench': lambda: make_bench_plc(NET_ID, 50), 'bare': lambda: make_bare_plc(NET_ID)}  # fmt: skip
    made = PlcServer(makers[request.param]())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def wire(server: PlcServer) -> AsyncIterator[Wire]:
    async with Wire('127.0.0.1', server.port, NET_ID, server.plc.ams_port) as made:
        yield made


def only(profile: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize('server', [profile], indirect=True)


async def fails(code: str, awaitable: object) -> None:
    with pytest.raises(AdsError) as caught:
        await awaitable  # type: ignore[misc]
    assert caught.value.args[0] == SERVICE_ERRORS[code]


async def test_a_request_that_is_too_short_is_an_error_of_its_own(wire: Wire) -> None:
    for command in (2, 3, 5, 6, 7, 9):
        answer = await wire.command(command, b'\1')
        assert int.from_bytes(answer[:4], 'little') == SERVICE_ERRORS['size'], command
    assert await wire.state() == 5


async def test_device_info_and_state(wire: Wire) -> None:
    answer = await wire.command(1, b'')
    assert struct.unpack('<IBBH', answer[:8]) == (0, 3, 1, 4024)
    assert answer[8:] == b'Plc30 App'.ljust(16, b'\0')
    await wire.command(5, struct.pack('<HHI', 6, 0, 0))
    assert await wire.state() == 6
    assert (await wire.read(0xF100, 0, 4)) == struct.pack('<HH', 6, 0)
    await wire.command(5, struct.pack('<HHI', 5, 0, 0))
    assert await wire.state() == 5
    wire.ams_port = 10_000
    assert await wire.state() == 5


# reading and writing


async def test_by_index_group_and_offset(server: PlcServer, wire: Wire) -> None:
    place = server.plc.memory.place('Service.nDint')
    assert await wire.read(place.group, place.offset, 4) == struct.pack('<i', -70000)
    await wire.write(place.group, place.offset, struct.pack('<i', 1234))
    assert server.plc.memory.get('Service.nDint') == 1234
    end = len(server.plc.memory.areas[0x4040])
    assert len(await wire.read(0x4040, 0, end)) == end
    await fails('offset', wire.read(0x4040, end - 1, 2))
    await fails('offset', wire.write(0x4040, end - 1, b'ab'))
    await fails('group', wire.read(0x1234, 0, 1))
    await fails('group', wire.write(0x1234, 0, b'a'))
    await fails('group', wire.read_write(0x1234, 0, 1, b'a'))


async def test_markers_inputs_and_outputs_by_byte_and_by_bit(server: PlcServer, wire: Wire) -> None:
    memory = server.plc.memory
    await wire.write(0x4021, 83, b'\1')
    assert memory.get('Service.bMarker') is True
    assert await wire.read(0x4020, 10, 1) == b'\x08'
    await wire.write(0x4020, 10, b'\xff')
    await wire.write(0x4021, 83, b'\0')
    assert await wire.read(0x4020, 10, 1) == b'\xf7'
    assert await wire.read(0x4021, 80, 8) == bytes((1, 1, 1, 0, 1, 1, 1, 1))
    assert await wire.read(0x4020, 12, 2) == struct.pack('<h', 77)
    assert await wire.read(0xF021, 0, 1) == b'\1'
    await wire.write(0xF031, 1, b'\1')
    assert memory.get('Service.bOutput') is True
    await fails('offset', wire.read(0x4021, 8 * 1024, 1))


async def test_by_handle(server: PlcServer, wire: Wire) -> None:
    handle = await wire.handle('service.NINT')
    assert await wire.read(0xF005, handle, 2) == struct.pack('<h', -1234)
    assert await wire.read(0xF005, handle, 100) == struct.pack('<h', -1234)
    await wire.write(0xF005, handle, struct.pack('<h', 5))
    assert server.plc.memory.get('Service.nInt') == 5
    await fails('size', wire.write(0xF005, handle, b'abc'))
    await wire.write(0xF006, 0, struct.pack('<I', handle))
    await fails('not found', wire.read(0xF005, handle, 2))
    await fails('not found', wire.write(0xF006, 0, struct.pack('<I', handle)))


async def test_names_reach_members_elements_and_bits(server: PlcServer, wire: Wire) -> None:
    assert await wire.value('Service.aCube[1, 0,2]') == struct.pack('<h', 6)
    assert await wire.value('SERVICE.ABOOL[-2]') == b'\1'
    assert await wire.value('Schedule.aNames[3]') == b'Christi Himmelfahrt\0\0'
    bit = await wire.handle('Boiler.stStatus.bFault')
    await wire.write(0xF005, bit, b'\1')
    assert server.plc.memory.get('Boiler.stStatus')['bFault'] is True
    assert (await wire.value('Boiler.stStatus'))[0] & 4
    for name in ('Service', 'Service.nothing', 'Service.aInt[5]', 'Service.aInt[0,0]', 'Service.aInt[x]', '', '.', 'a[',
                 'Service.nInt.nothing', 'Service.aInt[]', 'Service.nInt[0]', 'Service.aCube[1]', 'Küche' * 50):  # fmt: skip
        await fails('not found', wire.value(name))


async def test_constants_are_not_written(wire: Wire) -> None:
    handle = await wire.handle('Plant.fMaxSupply')
    await fails('access', wire.write(0xF005, handle, struct.pack('<f', 99)))
    assert await wire.read(0xF005, handle, 4) == struct.pack('<f', 70)


async def test_info_by_name(server: PlcServer, wire: Wire) -> None:
    group, offset, size = struct.unpack('<III', await wire.read_write(0xF007, 0, 12, b'Service.fReal\0'))
    assert await wire.read(group, offset, size) == struct.pack('<f', 21.3)
    entry = await wire.read_write(0xF009, 0, 0xFFFF, b'kitchen.fsetpoint\0')
    length, group, offset, size, kind, flags, dimensions, *_ = struct.unpack_from('<IIIIIHHHHH', entry)
    assert (length, size, kind, dimensions) == (len(entry), 4, 4, 0)
    assert entry[30:].startswith(b'Kitchen.fSetpoint\0T_Setpoint\0room set-point [\xb0C]\0')
    bit = await wire.read_write(0xF009, 0, 0xFFFF, b'Boiler.stStatus.bFault\0')
    _, group, offset, size, kind, flags = struct.unpack_from('<IIIIIH', bit)
    assert (group, size, kind, flags & 2) == (0x4041, 1, 33, 2)
    assert offset == 8 * server.plc.memory.place('Boiler.stStatus').offset + 2
    await fails('not found', wire.read_write(0xF009, 0, 0xFFFF, b'nothing\0'))


# uploads


def entries(data: bytes) -> list[bytes]:
    """Pieces that begin with their own length."""
    found = []
    while data:
        size = int.from_bytes(data[:4], 'little')
        assert 4 < size <= len(data)
        found.append(data[:size])
        data = data[size:]
    return found


def texts_of(entry: bytes, at: int, lengths: int) -> list[str]:
    found = []
    for size in struct.unpack_from('<HHH', entry, lengths):
        assert entry[at + size] == 0
        found.append(entry[at:at + size].decode('cp1252'))
        at += size + 1
    return found


async def test_the_symbol_upload_names_everything(server: PlcServer, wire: Wire) -> None:
    count, size, type_count, type_size = struct.unpack('<IIII', (await wire.read(0xF00F, 0, 24))[:16])
    assert await wire.read(0xF00C, 0, 8) == struct.pack('<II', count, size)
    assert len(await wire.read(0xF00F, 0, 64)) == 64
    symbols = await wire.read(0xF00B, 0, size)
    found = {texts_of(entry, 30, 24)[0]: entry for entry in entries(symbols)}
    assert len(found) == count and 180 < count < 260
    assert texts_of(found['Service.aCube'], 30, 24)[1] == 'ARRAY [0..1,0..1,1..2] OF INT'
    assert texts_of(found['Weather.fSun'], 30, 24)[2] == 'radiation [W/m²]'
    for name, entry in found.items():
        _, group, offset, length, *_ = struct.unpack_from('<IIIIIH', entry)
        assert await wire.read(group, offset, length) == await wire.value(name), name
    types = entries(await wire.read(0xF00E, 0, type_size))
    assert len(types) == type_count
    assert sum(map(len, types)) == type_size


async def test_the_type_upload_describes_structures(server: PlcServer, wire: Wire) -> None:
    entry = await wire.read_write(0xF011, 0, 0xFFFF, b'st_status\0')
    length, _version, _hash, _base, size, offset, kind, flags = struct.unpack_from('<IIIIIIII', entry)
    dimensions, count = struct.unpack_from('<HH', entry, 38)
    assert (length, size, offset, kind, flags & 1, dimensions, count) == (len(entry), 4, 0, 65, 1, 0, 5)
    assert texts_of(entry, 42, 32) == ['ST_Status', '', '']
    at, members = 42 + len('ST_Status') + 3, []
    for _ in range(count):
        step = int.from_bytes(entry[at:at + 4], 'little')
        item = entry[at:at + step]
        at += step
        size, offset, kind, flags = struct.unpack_from('<IIII', item, 16)
        members.append((*texts_of(item, 42, 32)[:2], offset, size, bool(flags & 0x20)))
    assert members == [('bOn', 'BIT', 0, 1, True), ('bReady', 'BIT', 1, 1, True), ('bFault', 'BIT', 2, 1, True),
                       ('bManual', 'BIT', 3, 1, True), ('nCode', 'UINT', 2, 2, False)]  # fmt: skip
    curve = await wire.read_write(0xF011, 0, 0xFFFF, b'ST_Curve\0')
    item = curve[curve.index(b'aPoints\0') - 42:]
    name, kind, comment = texts_of(item, 42, 32)
    assert (name, kind, comment) == ('aPoints', 'ARRAY [1..4] OF ST_CurvePoint', 'points of the curve')
    assert struct.unpack_from('<H', item, 38)[0] == 1
    assert struct.unpack_from('<iI', item, 42 + len(name + kind + comment) + 3) == (1, 4)


async def test_the_type_upload_describes_enums_arrays_and_aliases(wire: Wire) -> None:
    enum = await wire.read_write(0xF011, 0, 0xFFFF, b'E_Move\0')
    assert texts_of(enum, 42, 32)[1] == 'SINT'
    assert struct.unpack_from('<I', enum, 28)[0] & 0x2000
    assert enum.endswith(b'\3\0\7Closing\0\xff\4Hold\0\0\7Opening\0\1')
    array = await wire.read_write(0xF011, 0, 0xFFFF, b'ARRAY [-2..2] OF BOOL\0')
    assert struct.unpack_from('<HH', array, 38) == (1, 0)
    assert struct.unpack_from('<iI', array, 42 + len('ARRAY [-2..2] OF BOOL') + 1 + len('BOOL') + 2) == (-2, 5)
    alias = await wire.read_write(0xF011, 0, 0xFFFF, b'T_Setpoint\0')
    assert texts_of(alias, 42, 32)[:2] == ['T_Setpoint', 'T_Temperature']
    block = await wire.read_write(0xF011, 0, 0xFFFF, b'FB_Pump\0')
    assert texts_of(block, 42, 32)[:2] == ['FB_Pump', 'FB_Device']
    await fails('not found', wire.read_write(0xF011, 0, 0xFFFF, b'ST_Nothing\0'))


# many in one


async def test_sum_read_keeps_good_items_when_others_fail(server: PlcServer, wire: Wire) -> None:
    handle = await wire.handle('Service.nInt')
    place = server.plc.memory.place('Service.nDint')
    errors, parts = await wire.sum_read((place.group, place.offset, 4), (0x4040, 1 << 30, 4), (0xF005, handle, 2),
                                        (0xF005, 9999, 3), (0x1234, 0, 1), (0xF008, 0, 1))  # fmt: skip
    assert errors == [0, 0x703, 0, 0x710, 0x702, 0]
    assert parts == [struct.pack('<i', -70000), bytes(4), struct.pack('<h', -1234), bytes(3), b'\0', b'\1']
    await fails('size', wire.read_write(0xF080, 3, 100, bytes(24)))


async def test_sum_read_ex_tells_how_much_there_is(wire: Wire) -> None:
    handle = await wire.handle('Service.nInt')
    items = struct.pack('<III', 0xF005, handle, 6) + struct.pack('<III', 0xF005, 9999, 2)
    heads = struct.pack('<IIII', 0, 2, 0x710, 0)
    assert await wire.read_write(0xF083, 2, 100, items) == heads + struct.pack('<h', -1234) + bytes(4) + bytes(2)
    assert await wire.read_write(0xF084, 2, 100, items) == heads + struct.pack('<h', -1234)


async def test_sum_write_writes_what_it_can(server: PlcServer, wire: Wire) -> None:
    memory = server.plc.memory
    places = [memory.place(name) for name in ('Service.nInt', 'Service.nDint')]
    head = b''.join(struct.pack('<III', place.group, place.offset, place.size) for place in places)
    head = head[:12] + struct.pack('<III', 0x1234, 0, 3) + head[12:]
    answer = await wire.read_write(0xF081, 3, 12, head + struct.pack('<h', 7) + b'abc' + struct.pack('<i', 8))
    assert struct.unpack('<III', answer) == (0, 0x702, 0)
    assert (memory.get('Service.nInt'), memory.get('Service.nDint')) == (7, 8)
    await fails('size', wire.read_write(0xF081, 3, 12, head + b'abc'))


async def test_sum_read_write_gets_handles(wire: Wire) -> None:
    names = [b'Service.nInt\0', b'nothing\0', b'Service.fReal\0']
    head = b''.join(struct.pack('<IIII', 0xF003, 0, 4, len(name)) for name in names)
    answer = await wire.read_write(0xF082, 3, 100, head + b''.join(names))
    assert struct.unpack_from('<IIIIII', answer) == (0, 4, 0x710, 0, 0, 4)
    first, second = struct.unpack_from('<II', answer, 24)
    assert await wire.read(0xF005, second, 4) == struct.pack('<f', 21.3)
    assert await wire.read(0xF005, first, 2) == struct.pack('<h', -1234)


@only('bench')
async def test_a_frame_is_of_one_moment(server: PlcServer, wire: Wire) -> None:
    """Values change together and never while an answer is being made."""
    server.plc.step(0.1)
    places = [server.plc.memory.place(name) for name in ('GVL.nCount3', 'GVL.nCount48', 'MAIN.nTick')]
    for _ in range(20):
        server.plc.step(0.1)
        _, parts = await wire.sum_read(*((place.group, place.offset, 4) for place in places))
        assert len(set(parts)) == 1


# other controllers


@only('house2')
async def test_twincat_2_has_names_with_a_dot_and_fewer_services(server: PlcServer, wire: Wire) -> None:
    assert server.plc.ams_port == 801
    assert (await wire.command(1, b''))[4:8] == struct.pack('<BBH', 2, 11, 2605)
    await wire.write(0xF005, await wire.handle('.bLamp'), b'\1')
    assert await wire.read(0x4021, 0, 1) == b'\1'
    assert (await wire.value('.sHint')).startswith('Bitte Tür'.encode('cp1252'))
    count, size = struct.unpack('<II', await wire.read(0xF00C, 0, 8))
    names = [texts_of(entry, 30, 24)[0] for entry in entries(await wire.read(0xF00B, 0, size))]
    assert len(names) == count and '.bLamp' in names and 'MAIN.nCycle' in names
    assert len(await wire.read(0xF00F, 0, 64)) == 24
    await fails('not found', wire.handle('TwinCAT_SystemInfoVarList._AppInfo.OnlineChangeCnt'))
    for group in (0xF083, 0xF084, 0xF085, 0xF086):
        await fails('group', wire.read_write(group, 1, 100, bytes(40)))


@only('bare')
async def test_a_terminal_controller_has_no_symbols_at_all(server: PlcServer, wire: Wire) -> None:
    for group in (0xF008, 0xF00B, 0xF00C, 0xF00E, 0xF00F):
        await fails('group', wire.read(group, 0, 8))
    await fails('group', wire.handle('GVL.nTick'))
    assert await wire.read(0x4020, 4, 4) == struct.pack('<f', 21.5)
    errors, _ = await wire.sum_read((0x4020, 0, 4), (0x4021, 99, 1))
    assert errors == [0, 0]
