"""Builds what a PLC uploads, byte by byte as the manual of TwinCAT has it, and on its own: no code of the parser's."""
import struct

BIG = 65
NUMBERS = {'BOOL': 33, 'BIT': 33, 'SINT': 16, 'BYTE': 17, 'USINT': 17, 'INT': 2, 'WORD': 18, 'UINT': 18, 'DINT': 3,
           'UDINT': 19, 'DWORD': 19, 'TIME': 19, 'LINT': 20, 'ULINT': 21, 'REAL': 4, 'LREAL': 5}  # fmt: skip
SIZES = {'BOOL': 1, 'BIT': 1, 'SINT': 1, 'BYTE': 1, 'USINT': 1, 'INT': 2, 'WORD': 2, 'UINT': 2, 'DINT': 4, 'UDINT': 4,
         'DWORD': 4, 'TIME': 4, 'LINT': 8, 'ULINT': 8, 'REAL': 4, 'LREAL': 8}  # fmt: skip


def text(value: str, encoding: str = 'cp1252') -> bytes:
    return value.encode(encoding) + b'\0'


def with_length(entry: bytes) -> bytes:
    return struct.pack('<I', len(entry) + 4) + entry


def attribute_list(attributes: dict[str, str]) -> bytes:
    found = struct.pack('<H', len(attributes))
    for name, value in attributes.items():
        found += bytes([len(name), len(value)]) + text(name) + text(value)
    return found


def symbol(name: str, kind: str, offset: int = 0, size: int | None = None, *, number: int | None = None,
           group: int = 0x4040, comment: str = '', flags: int = 0, dimensions: tuple[tuple[int, int], ...] = (),
           attributes: dict[str, str] | None = None, guid: bool = True) -> bytes:  # fmt: skip
    names = text(name) + text(kind) + text(comment)
    flags |= (0x8 if guid else 0) | (0x1000 if attributes else 0)
    size = SIZES[kind] if size is None else size
    number = NUMBERS.get(kind, BIG) if number is None else number
    head = struct.pack('<IIIIHH', group, offset, size, number, flags, len(dimensions))
    lengths = struct.pack('<HHH', *(len(part.encode('cp1252')) for part in (name, kind, comment)))
    tail = b''.join(struct.pack('<iI', *dimension) for dimension in dimensions) + (bytes(16) if guid else b'')
    return with_length(head + lengths + names + tail + (attribute_list(attributes) if attributes else b''))


def data_type(name: str, size: int, kind: str = '', *, offset: int = 0, number: int | None = None, comment: str = '',
              flags: int = 1, dimensions: tuple[tuple[int, int], ...] = (), members: tuple[bytes, ...] = (),
              attributes: dict[str, str] | None = None, enum: dict[str, int] | None = None, guid: bool = True,
              copy_mask: bool = False, methods: int = 0) -> bytes:  # fmt: skip
    flags |= (0x80 if guid else 0) | (0x200 if copy_mask else 0) | (0x800 if methods else 0)
    flags |= (0x1000 if attributes else 0) | (0x2000 if enum else 0)
    number = NUMBERS.get(kind, BIG) if number is None else number
    head = struct.pack('<7I5H', 1, 0, 0, size, offset, number, flags, *(len(part.encode('cp1252')) for part in
                       (name, kind, comment)), len(dimensions), len(members))  # fmt: skip
    found = head + text(name) + text(kind) + text(comment)
    found += b''.join(struct.pack('<iI', *dimension) for dimension in dimensions) + b''.join(members)
    found += (bytes(16) if guid else b'') + (b'\xff' * size if copy_mask else b'')
    if methods:
        found += struct.pack('<H', methods) + with_length(bytes(60) + text('Reset')) * methods
    if attributes:
        found += attribute_list(attributes)
    if enum:
        found += struct.pack('<H', len(enum))
        for label, value in enum.items():
            found += bytes([len(label)]) + text(label) + value.to_bytes(size, 'little', signed=value < 0)
    return with_length(found)


def member(name: str, kind: str, offset: int, size: int | None = None, **more) -> bytes:
    return data_type(name, SIZES[kind] if size is None else size, kind, offset=offset, flags=2 | more.pop('flags', 0),
                     **more)  # fmt: skip


def bit(name: str, offset: int) -> bytes:
    """`offset` is in bits."""
    return member(name, 'BIT', offset, 1, flags=0x20)


MODE = data_type('E_Mode', 2, 'INT', number=2, enum={'Off': 0, 'Heating': 1, 'Cooling': 2, 'Fault': -1})
ROOM = data_type('ST_Room', 40, members=(
    member('fTemp', 'REAL', 0, comment='air [°C]'), member('nWindows', 'INT', 4), member('eMode', 'E_Mode', 6, 2, number=2),
    member('sName', 'STRING(20)', 8, 21, number=30), bit('bOpen', 29 * 8 + 0), bit('bLocked', 29 * 8 + 5),
    member('tOn', 'TIME', 32), member('aRaw', 'ARRAY [1..2] OF INT', 36, 4, number=2),
), copy_mask=True, methods=2, attributes={'pack_mode': '0'})  # fmt: skip
ROOMS = data_type('ARRAY [0..1,-1..1] OF ST_Room', 240, 'ST_Room', dimensions=((0, 2), (-1, 3)))
BASE = data_type('FB_Base', 16, members=(member('nId', 'UDINT', 8), member('bOn', 'BOOL', 12)))
HEATER = data_type('FB_Heater', 24, 'FB_Base', members=(member('fPower', 'REAL', 16), member('pNext', 'POINTER TO FB_Heater',
                   0, 8), member('nShared', 'INT', 0, flags=0x20000)))  # fmt: skip
TEXT = data_type('T_MaxString', 256, 'STRING(255)', number=30)
TYPES = MODE + ROOM + ROOMS + BASE + HEATER + TEXT + data_type('T_Text', 256, 'T_MaxString', number=30)

SYMBOLS = b''.join((
    symbol('GVL.aRooms', 'ARRAY [0..1,-1..1] OF ST_Room', 1000, 240, dimensions=((0, 2), (-1, 3))),
    symbol('GVL.fbHeater', 'FB_Heater', 2000, 24, comment='boiler'),
    symbol('GVL.fSupply', 'REAL', 100, comment='supply\r\n  line [°C]'),
    symbol('GVL.sLong', 'T_Text', 3000, 256, number=30, attributes={'TcEncoding': 'UTF-8'}),
    symbol('GVL.aInts', 'ARRAY [0..9] OF INT', 4000, 20, number=2),
    symbol('GVL.itf', 'I_Thing', 4100, 8, flags=0x10),
    symbol('GVL.pInt', 'POINTER TO INT', 4108, 8),
    symbol('GVL.blob', 'FB_Unknown', 4200, 77),
    symbol('MAIN.nCounter', 'UDINT', 0),
    symbol('MAIN.nFixed', 'UDINT', 4, flags=0x20),
))  # fmt: skip


def plain(count: int) -> bytes:
    """As a PLC with so many values, some of them below each other."""
    kinds = ('BOOL', 'INT', 'REAL', 'DINT', 'LREAL')
    return b''.join(symbol(f'GVL.fbRoom{number // 10:04}.value{number}', kinds[number % 5], 8 * number,
                           comment=f'number {number} [°C]') for number in range(count))  # fmt: skip
