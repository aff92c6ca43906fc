"""The symbols of one runtime: read from the PLC, read anew when its program changes, and what of them is chosen."""
import struct
from typing import Any

from edgeos.ads.errors import INVALID_DATA
from edgeos.ads.library import AdsError, AmsPort
from edgeos.ads.plan import SUM_READ, Address
from edgeos.ads.symbols import Leaf, Selection, SymbolError, SymbolTable, variable

VERSION: Address = (0xF008, 0, 1)
UPLOAD_INFO, UPLOAD_INFO_OLD, SYMBOLS, DATA_TYPES = 0xF00F, 0xF00C, 0xF00B, 0xF00E
HANDLE_BY_NAME, VALUE_BY_HANDLE, RELEASE_HANDLE = 0xF003, 0xF005, 0xF006
ONLINE_CHANGES = b'TwinCAT_SystemInfoVarList._AppInfo.OnlineChangeCnt\0'
MOST_BYTES = 32 * 1024 * 1024  # of an upload; the largest programs have a tenth of that
UPLOAD_MS = 4000  # thousands of symbols come in one answer
LONGEST_TIMEOUT = 1800  # ms: two of them and a look every second are within the 5 s after which a link counts as lost
TRIES = 3  # to read symbols that do not change meanwhile


def request_timeout(settings: dict[str, Any]) -> int:
    """What the owner allows an answer to take, in ms, as far as a dead link is still noticed in time."""
    return min(int(settings['timeout_ms']), LONGEST_TIMEOUT)


class SymbolsChanged(Exception):
    """Raised where the program on the PLC is another one than the symbols were read from."""


class UnknownSymbol(Exception):
    """Raised where the PLC has no single value of that name."""


class SymbolStore:
    """`guards` are what every answer must confirm: symbol version and count of online changes, as far as known."""

    def __init__(self, port: AmsPort, settings: dict[str, Any]) -> None:
        self.guards: list[tuple[Address, bytes]] = []
        self._port = port
        self._settings = settings
        self._handle: int | None = None
        self._table: SymbolTable | None = None

    def __len__(self) -> int:
        return len(self._table) if self._table is not None else 0

    @property
    def table(self) -> SymbolTable:
        """All symbols; an empty table for a controller that offers none. Raises AdsError."""
        if self._table is None:
            self._read()
        assert self._table is not None
        return self._table

    @property
    def problems(self) -> list[str]:
        """Symbols that could not be understood."""
        return self._table.problems if self._table is not None else []

    def release(self) -> None:
        """Give the PLC back what it keeps for the guards; raises AdsError."""
        handle, self._handle, self.guards = self._handle, None, []
        if handle is not None:
            self._port.write(RELEASE_HANDLE, 0, struct.pack('<I', handle))

    def check(self) -> None:
        """Raises SymbolsChanged when the program has changed, AdsError when the PLC does not answer."""
        if self.guards and self._look([address for address, _value in self.guards]) != self.guards:
            self._table = None
            raise SymbolsChanged

    def choose(self) -> Selection:
        """The leaves of the settings' symbols and variables; raises AdsError, ValueRefused."""
        try:
            self.check()
        except SymbolsChanged:
            pass  # and with that forgotten
        limit = self._settings['max_points']
        chosen = self.table.select(self._settings['symbols'], limit)
        extra = [leaf for each in self._settings['variables']
                 for leaf in variable(each['name'], each['group'], each['offset'], each['type'],
                                      self._settings['encoding'])]  # fmt: skip
        room = max(0, limit - len(chosen.leaves))
        return Selection(leaves=[*chosen.leaves, *extra[:room]], missing=chosen.missing,
                         left_out=chosen.left_out + len(extra[room:]))  # fmt: skip

    def leaf(self, name: str) -> Leaf:
        """The one value of that name; raises UnknownSymbol, AdsError."""
        wanted = name.casefold()
        for each in self._settings['variables']:
            found = variable(each['name'], each['group'], each['offset'], each['type'], self._settings['encoding'])
            for leaf in found:
                if leaf.name.casefold() == wanted:
                    return leaf
        found = [] if '*' in name else self.table.select([name], 2).leaves
        if len(found) != 1 or found[0].name.casefold() != wanted:
            raise UnknownSymbol(name)
        return found[0]

    # reading

    def _read(self) -> None:
        for _ in range(TRIES):
            self._release_quietly()
            with self._port.probing():
                before = self._look(self._possible_guards())
                table = self._upload_patiently()
            if self._look([address for address, _value in before]) == before:
                self.guards, self._table = before, table
                return
        raise AdsError(INVALID_DATA)  # a program that is being changed all the time

    def _release_quietly(self) -> None:
        try:
            self.release()
        except AdsError as error:
            _raise_if_dead(error)  # else the PLC has forgotten it already

    def _possible_guards(self) -> list[Address]:
        try:
            answer = self._port.read_write(HANDLE_BY_NAME, 0, 4, ONLINE_CHANGES)
            self._handle = struct.unpack('<I', answer)[0]
        except (AdsError, struct.error) as error:
            _raise_if_dead(error)
            return [VERSION]
        return [VERSION, (VALUE_BY_HANDLE, self._handle, 4)]

    def _look(self, addresses: list[Address]) -> list[tuple[Address, bytes]]:
        """Those that can be read, with what they say."""
        if not addresses:
            return []
        request = b''.join(struct.pack('<III', *address) for address in addresses)
        size = sum(4 + address[2] for address in addresses)
        try:
            answer = self._port.read_write(SUM_READ, len(addresses), size, request)
        except AdsError as error:
            _raise_if_dead(error)
            return self._look_one_by_one(addresses)
        if len(answer) != size:
            return self._look_one_by_one(addresses)
        found, at = [], 4 * len(addresses)
        for number, address in enumerate(addresses):
            if struct.unpack_from('<I', answer, 4 * number)[0] == 0:
                found.append((address, answer[at:at + address[2]]))
            at += address[2]
        return found

    def _look_one_by_one(self, addresses: list[Address]) -> list[tuple[Address, bytes]]:
        """For a PLC that knows no sum reads."""
        found = []
        for address in addresses:
            try:
                data = self._port.read(*address)
            except AdsError as error:
                _raise_if_dead(error)
                continue
            if len(data) == address[2]:
                found.append((address, data))
        return found

    def _upload_patiently(self) -> SymbolTable:
        self._port.set_timeout(UPLOAD_MS)
        try:
            return self._upload()
        finally:
            self._port.set_timeout(request_timeout(self._settings))

    def _upload(self) -> SymbolTable:
        symbols, types = self._sizes()
        if max(symbols, types) > MOST_BYTES:
            raise AdsError(0x70B)  # invalid parameter values
        data = self._port.read(SYMBOLS, 0, symbols) if symbols else b''
        kinds = b''
        try:
            kinds = self._port.read(DATA_TYPES, 0, types) if types else b''
        except AdsError as error:
            _raise_if_dead(error)
        return self._parse(data, kinds)

    def _parse(self, symbols: bytes, types: bytes) -> SymbolTable:
        """Data types that break off cost only what needs them."""
        try:
            return SymbolTable.parse(symbols, types, encoding=self._settings['encoding'])
        except SymbolError as error:
            if not types:
                raise AdsError(INVALID_DATA) from error
        return self._parse(symbols, b'')

    def _sizes(self) -> tuple[int, int]:
        """Bytes of the symbols and of the data types; zeros for a controller without symbols."""
        try:
            info = self._port.read(UPLOAD_INFO, 0, 24)
            if len(info) >= 16:
                return struct.unpack_from('<I', info, 4)[0], struct.unpack_from('<I', info, 12)[0]
        except AdsError as error:
            _raise_if_dead(error)
        try:
            info = self._port.read(UPLOAD_INFO_OLD, 0, 8)
            return struct.unpack_from('<I', info, 4)[0] if len(info) == 8 else 0, 0
        except AdsError as error:
            _raise_if_dead(error)
            return 0, 0


def _raise_if_dead(error: Exception) -> None:
    if isinstance(error, AdsError) and error.is_dead:
        raise error
