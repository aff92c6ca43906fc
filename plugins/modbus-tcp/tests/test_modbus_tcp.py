"""Against pymodbus' own server on loopback: in this process, and as another that is killed or frozen."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from edgeos_plugin import ConfigError, WriteFailed
from edgeos_plugin.testing import FakeHost
from modbus_server import server
from modbus_tcp_plugin import ModbusTcp
from modbus_tcp_plugin import device as device_module
from modbus_tcp_plugin.blocks import grouped
from modbus_tcp_plugin.registers import BadValue, Register
from pymodbus.constants import ExcCodes

from tests.helpers import eventually, free_port, patient

SERVER = Path(__file__).with_name('modbus_server.py')
HOLDING = [{'name': f'h{number}', 'address': number} for number in range(4)]
Action = Callable[[int, int, int, int, list[int], Any], Awaitable[Any]]


def device(port: int, registers: list[dict[str, Any]], name: str = 'boiler', **more: Any) -> dict[str, Any]:
    return {'name': name, 'host': '127.0.0.1', 'port': port, 'poll_s': 0.1, 'timeout_s': 0.5, 'registers': registers,
            **more}  # fmt: skip


@asynccontextmanager
async def serving(port: int, action: Action | None = None) -> AsyncIterator[None]:
    running = server(port, action)
    await running.serve_forever(background=True)
    try:
        yield
    finally:
        await running.shutdown()


@asynccontextmanager
async def running(*devices: dict[str, Any]) -> AsyncIterator[FakeHost]:
    host = FakeHost()
    await host.start(ModbusTcp, {'devices': list(devices)}, plugin_id='modbus-tcp')
    try:
        yield host
    finally:
        await host.stop()
        assert host.errors == []


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, 'LONGEST_PAUSE', 0.3)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def child(port: int) -> Any:
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen([sys.executable, str(SERVER), str(port)]))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


async def has(host: FakeHost, name: str, value: Any, timeout: float = 5) -> None:
    await eventually(lambda: host.value(name) == value, timeout)


async def test_reads_every_kind_and_type(port: int) -> None:
    registers = [
        {'name': 'plain', 'address': 1},
        {'name': 'scaled', 'address': 2, 'scale': 0.1, 'offset': -5, 'unit': '°C'},
        {'name': 'float', 'address': 30, 'type': 'float32'},
        {'name': 'text', 'address': 40, 'type': 'string', 'length': 4},
        {'name': 'input', 'kind': 'input', 'address': 0},
        {'name': 'coil', 'kind': 'coil', 'address': 3, 'writable': True},
        {'name': 'discrete', 'kind': 'discrete', 'address': 7},
    ]
    async with serving(port), running(device(port, registers)) as host:
        await has(host, 'boiler/connected', True)
        told = {name: host.value(f'boiler/{name}') for name in (register['name'] for register in registers)}
        assert told == {'plain': 101, 'scaled': 5.2, 'float': 21.5, 'text': 'Keller', 'input': 7, 'coil': False,
                        'discrete': True}  # fmt: skip
        assert host.value('boiler/error') == ''
        newest = {published.name: published for published in host.published}
        assert (newest['boiler/scaled'].unit, newest['boiler/coil'].writable) == ('°C', True)
        assert not newest['boiler/plain'].writable


async def test_a_write_is_checked_sent_and_read_back(port: int) -> None:
    registers = [
        {'name': 'small', 'address': 2, 'type': 'int16', 'scale': 0.1, 'writable': True},
        {'name': 'float', 'address': 30, 'type': 'float32', 'word_order': 'little', 'writable': True},
        {'name': 'coil', 'kind': 'coil', 'address': 3, 'writable': True},
        {'name': 'fixed', 'address': 5},
    ]
    async with serving(port), running(device(port, registers)) as host:
        await has(host, 'boiler/connected', True)
        for name, value in (('small', -12.5), ('float', 3.25), ('coil', True)):
            await host.write(f'boiler/{name}', value)
            assert host.value(f'boiler/{name}') == value
        for name, value, why in (
            ('small', 4000, r'expected -3276\.8 to 3276\.7'),
            ('small', 'warm', 'expected a number'),
            ('coil', 7, 'expected true or false'),
            ('fixed', 1, 'cannot be written'),
            ('nothing', 1, 'cannot be written'),
        ):
            with pytest.raises(WriteFailed, match=why):
                await host.write(f'boiler/{name}', value)
        with pytest.raises(WriteFailed, match='no device'):
            await host.write('chiller/small', 1)


async def test_a_device_that_keeps_its_own_value_is_found_out(port: int) -> None:
    async def stubborn(code: int, start: int, _at: int, _count: int, now: list[int], _values: Any) -> None:
        if code == 3:
            now[2 - start] = 42

    registers = [{'name': 'level', 'address': 2, 'writable': True}]
    async with serving(port, stubborn), running(device(port, registers)) as host:
        await has(host, 'boiler/connected', True)
        with pytest.raises(WriteFailed, match='the device kept 42'):
            await host.write('boiler/level', 50)
        assert host.value('boiler/level') == 42


async def test_neighbours_are_read_in_one_request(port: int) -> None:
    asked: list[tuple[int, int, int]] = []

    async def note(code: int, _start: int, at: int, count: int, _now: list[int], _values: Any) -> None:
        asked.append((code, at, count))

    registers = [{'name': f'r{at}', 'address': at} for at in (0, 1, 5, 14)]
    async with serving(port, note), running(device(port, registers, poll_s=60)) as host:
        await has(host, 'boiler/r14', 114)
        assert asked == [(3, 0, 15)]


async def test_what_a_device_refuses_is_named_and_the_rest_goes_on(port: int) -> None:
    registers = [{'name': 'here', 'address': 19}, {'name': 'gone', 'address': 21}, {'name': 'also', 'address': 30}]
    async with serving(port), running(device(port, registers)) as host:
        await has(host, 'boiler/connected', True)
        assert host.value('boiler/here') == 119
        assert host.value('boiler/gone') is None
        assert host.value('boiler/error') == 'gone: it has no such address (exception 2)'
        await eventually(lambda: len([one for one in host.published if one.name == 'boiler/here']) > 6)
        told = [event.message for event in host.events]
        assert told == ['boiler does not give all its registers: gone: it has no such address (exception 2)']


async def test_many_refusals_are_summed_up(port: int) -> None:
    registers = [{'name': f'x{at}', 'address': at} for at in range(1000, 1300, 10)]
    async with serving(port), running(device(port, [*HOLDING, *registers])) as host:
        await has(host, 'boiler/h1', 101)
        await eventually(lambda: host.value('boiler/error').endswith('; and 27 more'))
        assert host.value('boiler/connected') is True
        assert len(host.events) == 1 and 'x1000: ' in host.events[0].message


async def test_a_busy_device_keeps_its_values(port: int) -> None:
    codes: list[ExcCodes] = []
    asked = 0

    async def busy(*_: Any) -> ExcCodes | None:
        nonlocal asked
        asked += 1
        return codes[0] if codes else None

    async with serving(port, busy), running(device(port, HOLDING)) as host:
        await has(host, 'boiler/h1', 101)
        codes.append(ExcCodes.DEVICE_BUSY)
        before = asked
        await eventually(lambda: asked > before + 3)
        assert host.value('boiler/h1') == 101 and host.value('boiler/connected') is True
        codes[0] = ExcCodes.GATEWAY_NO_RESPONSE
        await has(host, 'boiler/connected', False)
        assert host.value('boiler/error') == 'the gateway gets no answer from it (exception 11)'
        assert host.value('boiler/h1') is None


async def test_comes_back_by_itself_after_the_device_was_killed(port: int, child: Any) -> None:
    process = child()
    async with running(device(port, HOLDING)) as host:
        await has(host, 'boiler/h1', 101, 10)
        process.kill()
        process.wait()
        await has(host, 'boiler/connected', False)
        assert host.value('boiler/h1') is None
        with pytest.raises(WriteFailed):
            await host.write('boiler/h1', 1)
        child()
        await has(host, 'boiler/h1', 101, 10)
        assert host.value('boiler/error') == ''
        assert host.events[-1].message == 'boiler answers again.'
        assert len([event for event in host.events if 'cannot be reached' in event.message]) <= 2


async def test_a_frozen_device_counts_as_lost_and_slows_no_other(port: int, child: Any) -> None:
    other = free_port()
    process = child()
    healthy = device(other, [{'name': 'r', 'address': 0}], 'healthy')
    async with serving(other), running(device(port, HOLDING), healthy) as host:
        await has(host, 'boiler/h1', 101, 10)
        os.kill(process.pid, signal.SIGSTOP)
        await has(host, 'boiler/connected', False)
        assert host.value('boiler/error') == 'it did not answer within 0.5 s'
        count = len([one for one in host.published if one.name == 'healthy/r'])
        since = time.monotonic()
        await eventually(lambda: len([one for one in host.published if one.name == 'healthy/r']) >= count + 10)
        assert time.monotonic() - since < patient(3)
        os.kill(process.pid, signal.SIGCONT)
        await has(host, 'boiler/connected', True, 10)


async def test_a_slow_device_is_waited_for(port: int) -> None:
    async def slow(*_: Any) -> None:
        await asyncio.sleep(0.3)

    async with serving(port, slow), running(device(port, HOLDING)) as host:
        await has(host, 'boiler/h3', 103)
        await eventually(lambda: len([one for one in host.published if one.name == 'boiler/h3']) > 3)
        assert host.events == []


async def test_nobody_there_is_said_once(port: int) -> None:
    async with running(device(port, HOLDING)) as host:
        await eventually(lambda: len(host.events) == 1)
        assert 'cannot be reached' in host.events[0].message and 'refused' in host.events[0].message.lower()
        assert host.value('boiler/connected') is False
        async with serving(port):
            await has(host, 'boiler/connected', True)
        assert [event.message for event in host.events][1:] == ['boiler answers again.']


async def test_a_name_that_nobody_can_have_is_said_in_words(port: int) -> None:
    async with running(device(port, HOLDING, host=64 * 'x')) as host:
        await has(host, 'boiler/error', 'its name is not known')


async def test_a_change_of_one_device_leaves_the_others_alone(port: int) -> None:
    other = free_port()
    first, second = device(port, HOLDING), device(other, HOLDING, 'second')
    async with serving(port), serving(other), running(first, second) as host:
        await has(host, 'boiler/h1', 101)
        await has(host, 'second/h1', 101)
        kept, changed = host.plugin.devices['second'], host.plugin.devices['boiler']
        await host.change_config({'devices': [{**first, 'poll_s': 0.2}, second]})
        assert host.plugin.devices['second'] is kept and host.plugin.devices['boiler'] is not changed
        await has(host, 'boiler/connected', True)
        await host.change_config({'devices': [second]})
        assert host.value('boiler/h1') is None and host.value('boiler/connected') is False


@pytest.mark.parametrize(
    ('registers', 'why'),
    [
        ([{'name': 'a', 'address': 1}, {'name': 'a', 'address': 2}], 'the name a is taken'),
        ([{'name': 'connected', 'address': 1}], 'is taken'),
        ([{'name': 'a\n', 'address': 1}], 'control characters'),
        ([{'name': 'a', 'kind': 'input', 'address': 1, 'writable': True}], 'cannot be written'),
        ([{'name': 'a', 'address': 65535, 'type': 'int32'}], 'beyond the last address'),
        ([{'name': 'a', 'address': 1, 'scale': 0}], 'cannot be 0'),
    ],
)
async def test_a_configuration_that_cannot_work_is_refused(registers: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        await FakeHost().start(ModbusTcp, {'devices': [device(502, registers)]})


async def test_two_devices_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match='two devices'):
        await FakeHost().start(ModbusTcp, {'devices': [device(502, []), device(503, [])]})


@pytest.mark.parametrize('byte_order', ['big', 'little'])
@pytest.mark.parametrize('word_order', ['big', 'little'])
@pytest.mark.parametrize(
    ('type_', 'value'),
    [('int16', -2), ('uint16', 65535), ('int32', -70000), ('uint32', 4_000_000_000), ('int64', -(2**62)),
     ('uint64', 2**64 - 1), ('float32', 21.3), ('float64', 21.123456789012), ('string', 'Größe'), ('bool', True)],
)  # fmt: skip
def test_what_is_written_is_what_is_read(type_: str, value: Any, word_order: str, byte_order: str) -> None:
    register = Register('a', 0, 'holding', type_, word_order=word_order, byte_order=byte_order)
    raw = register.encoded(value)
    assert len(raw) == register.size
    assert register.decoded(raw) == value


def test_the_orders_of_words_and_bytes() -> None:
    def words(word_order: str, byte_order: str) -> list[int]:
        register = Register('a', 0, 'holding', 'uint32', word_order=word_order, byte_order=byte_order)
        return [int(word) for word in register.encoded(0x01020304)]

    assert words('big', 'big') == [0x0102, 0x0304]
    assert words('little', 'big') == [0x0304, 0x0102]
    assert words('big', 'little') == [0x0201, 0x0403]
    assert words('little', 'little') == [0x0403, 0x0201]


@pytest.mark.parametrize(
    ('type_', 'value'),
    [('int16', 32768), ('uint16', -1), ('uint16', 1.5), ('int32', True), ('float32', 1e39), ('float32', float('nan')),
     ('string', 'x' * 17), ('string', 5), ('bool', 2), ('int64', '1'), ('uint16', None)],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(type_: str, value: Any) -> None:
    with pytest.raises(BadValue, match='expected'):
        Register('a', 0, 'holding', type_).encoded(value)


def test_a_float_that_is_no_number_is_unknown() -> None:
    assert Register('a', 0, 'holding', 'float32').decoded([0x7FC0, 0]) is None


def test_blocks_keep_to_the_limits() -> None:
    def blocks(*addresses: int, kind: str = 'holding') -> list[tuple[int, int]]:
        return [(block.start, block.count) for block in grouped(Register(str(at), at, kind) for at in addresses)]

    assert blocks(0, 9) == [(0, 10)]
    assert blocks(0, 10) == [(0, 1), (10, 1)]
    assert blocks(*range(200)) == [(0, 125), (125, 75)]
    assert blocks(3, 3) == [(3, 1)]
    wide = [Register('a', 120, 'holding', 'int64'), *(Register(str(at), at) for at in range(0, 120, 5))]
    assert all(block.count <= 125 for block in grouped(wide))
