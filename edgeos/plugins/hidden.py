"""Takes a plugin's own secrets out of what it says: its log and its errors are read by more people than its form."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from edgeos.connections.state import Failure
from edgeos.reporting.marks import SECRET
from edgeos.reporting.scrub_known import Known

MOST_KEPT = 200  # secrets that are looked for; those of before a change, too, because a program may still have them
CUT = 500  # characters from which on a text may have been cut, with half a secret at its end
BEYOND = 4000  # characters looked at beyond a cut


class Hidden:
    """The secrets of one plugin. `learn` may be called in any thread.

    Looked for is each whole value of 4 characters or more, as it is, quoted and encoded, but for plain words such as
    "admin": where a word is missing everywhere, it is told.
    """

    def __init__(self) -> None:
        self._secrets: dict[str, None] = {}
        self._known = Known()

    def learn(self, secrets: Iterable[str]) -> None:
        """It was given these."""
        merged = dict.fromkeys([*self._secrets, *secrets])
        if merged.keys() != self._secrets.keys():
            self._secrets = dict.fromkeys(list(merged)[-MOST_KEPT:])
            self._known = Known(self._secrets)

    def text(self, text: str, most: int | None = None) -> str:
        """Without them, and cut to `most` characters."""
        shown = text if most is None else text[: most + BEYOND]
        if self._secrets:
            shown = self._known.hide_half(shown) if len(shown) >= CUT else shown
            shown = self._known.hide_secrets(shown)
        shown = shown if most is None else shown[:most]
        return text if shown == text else shown  # itself, which may know more than its characters

    def end_of(self, text: str, most: int) -> str:
        """The last `most` characters."""
        return self.text(text[-most - BEYOND :])[-most:]

    def value(self, value: Any, most: int) -> Any:
        """A number or a truth value as it is, if it is none of them; else its text."""
        if type(value) in (int, float, bool):
            return SECRET if str(value) in self._known.numbers else value
        return self.text(str(value), most)

    def failure(self, failure: Failure) -> Failure:
        """What the app says of it may repeat what the plugin said."""
        return replace(failure, values={name: self.text(value) for name, value in failure.values.items()})
