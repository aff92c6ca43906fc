"""Texts that are English for whoever asks, and can be said in another language by a page."""
import errno
import socket
from typing import Any


class Phrase(str):
    """A text that knows the template it was made from, and what filled its blanks; that may be phrases, too."""

    template: str
    values: dict[str, str]

    def __new__(cls, template: str, /, **values: object) -> 'Phrase':
        """Raises KeyError for a blank that nothing fills."""
        texts = {key: value if isinstance(value, str) else str(value) for key, value in values.items()}
        made = super().__new__(cls, template.format_map(texts))
        made.template, made.values = template, texts
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is the text alone."""
        return str, (str(self),)


def at_place(why: str, *place: str) -> str:
    """What is wrong, after the name of where that is, as far as it has one."""
    named = ': '.join(part for part in place if part)
    return Phrase('{place}: {why}', place=named, why=why) if named else why


SYSTEM = {  # what the system says in English only
    errno.ENOSPC: Phrase('No space left on device'), errno.EROFS: Phrase('Read-only file system'),
    errno.ENOENT: Phrase('No such file or directory'), errno.EACCES: Phrase('Permission denied'),
    errno.ECONNREFUSED: Phrase('nothing answers there'), errno.ENETUNREACH: Phrase('there is no network'),
    errno.EHOSTUNREACH: Phrase('there is no way to it'), errno.ECONNRESET: Phrase('the connection was cut'),
}  # fmt: skip


def phrase_of(error: BaseException) -> str:
    """What an error says, as the phrase it was made of if there is one."""
    first = error.args[0] if error.args else ''
    if isinstance(first, Phrase) or not isinstance(error, OSError):
        return first if isinstance(first, Phrase) else str(error)
    if isinstance(error, socket.gaierror):  # its numbers are of another kind
        return Phrase('its name is not known')
    return SYSTEM.get(error.errno or 0) or error.strerror or str(error)
