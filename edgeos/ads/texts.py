"""STRING and WSTRING: text that ends at the first NUL."""
from codecs import charmap_build, charmap_decode, charmap_encode

from edgeos.ads.codec import Codec, ValueRefused, shown

_TABLE = ''.join(bytes([byte]).decode('cp1252', 'ignore') or chr(byte) for byte in range(256))
_BYTES = charmap_build(_TABLE)


def from_cp1252(raw: bytes) -> str:
    """As Windows does it: the five bytes without a character become control characters."""
    return charmap_decode(raw, 'strict', _TABLE)[0]


def is_utf8(raw: bytes) -> bool:
    """Whether the bytes are valid UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def decode_text(raw: bytes, encoding: str = 'auto') -> str:
    """`auto` is UTF-8 where the bytes are valid UTF-8, else cp1252."""
    if encoding == 'utf-8':
        return raw.decode(errors='replace')
    if encoding == 'cp1252':
        return from_cp1252(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return from_cp1252(raw)


def _checked(value: object, type_name: str) -> str:
    if not isinstance(value, str):
        raise ValueRefused('{type} takes text, not {value}.', type=type_name, value=shown(value))
    if '\0' in value:
        raise ValueRefused('Text for {type} cannot contain a NUL character.', type=type_name)
    return value


def _refused_characters(type_name: str) -> ValueRefused:
    return ValueRefused('The text has characters that {type} cannot hold.', type=type_name)


class StringCodec(Codec):
    """Bytes in an encoding that the PLC does not tell: `auto`, `cp1252` or `utf-8`."""

    __slots__ = ('_encoding',)

    def __init__(self, type_name: str, size: int, encoding: str = 'auto') -> None:
        super().__init__(type_name, size)
        self._encoding = encoding

    def decode(self, data: bytes) -> str:
        return decode_text(data.partition(b'\0')[0], self._encoding)

    def encode(self, value: object, before: bytes = b'') -> bytes:
        raw = self._bytes(_checked(value, self.type), before.partition(b'\0')[0])
        if len(raw) >= self.size:
            raise ValueRefused('The text needs {bytes} bytes; {type} holds {most}.', bytes=len(raw), type=self.type,
                               most=self.size - 1)  # fmt: skip
        return raw.ljust(self.size, b'\0')

    def _bytes(self, text: str, before: bytes) -> bytes:
        if self._encoding != 'utf-8' and not (self._encoding == 'auto' and not before.isascii() and is_utf8(before)):
            try:
                raw = charmap_encode(text, 'strict', _BYTES)[0]
                if self._encoding == 'cp1252' or raw.isascii() or not is_utf8(raw):
                    return raw
            except UnicodeEncodeError:
                if self._encoding == 'cp1252':
                    raise _refused_characters(self.type) from None
        try:
            return text.encode()
        except UnicodeEncodeError:
            raise _refused_characters(self.type) from None


class WideStringCodec(Codec):
    """UTF-16-LE; lengths count units of two bytes."""

    __slots__ = ()

    def decode(self, data: bytes) -> str:
        end = data.find(b'\0\0')
        while end % 2 == 1 and end >= 0:
            end = data.find(b'\0\0', end + 1)
        return (data if end < 0 else data[:end]).decode('utf-16-le', 'replace')

    def encode(self, value: object, before: bytes = b'') -> bytes:
        try:
            raw = _checked(value, self.type).encode('utf-16-le')
        except UnicodeEncodeError:
            raise _refused_characters(self.type) from None
        most = self.size // 2 - 1
        if len(raw) // 2 > most:
            raise ValueRefused('The text needs {count} characters; {type} holds {most}.', count=len(raw) // 2,
                               type=self.type, most=most)  # fmt: skip
        return raw.ljust(self.size, b'\0')
