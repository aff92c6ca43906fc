"""What every type of connection brings for the dialog: its fields, and what is wrong with them in plain words."""
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from edgeos.discovery import Found
from pages.forms import Field
from pages.i18n import _

Problems = list[tuple[tuple[str, ...], str]]


class Place(Protocol):
    """Where something can be put right."""

    def focus(self) -> None:
        """Lead there."""


class ConnectionForm(ABC):
    """The fields of one type, built in the present place of the page. A new type adds one subclass to FORMS."""

    KIND: ClassVar[str]
    ICON: ClassVar[str]
    CONFIG: ClassVar[type[BaseModel]]
    ALWAYS_WRITTEN: ClassVar[tuple[str, ...]] = ()  # keys a new connection gets even where they are the default

    def __init__(self, on_change: Callable[[], Any]) -> None:
        """`on_change` is called after each change by the owner."""
        self.fields: dict[str, Field[Any]] = {}  # by key of the config, in the order they are seen

    @classmethod
    @abstractmethod
    def title(cls) -> str:
        """The name of the type."""

    @classmethod
    @abstractmethod
    def explanation(cls) -> str:
        """What is connected that way, in one sentence."""

    @abstractmethod
    def fill(self, config: Mapping[str, Any]) -> None:
        """Show these settings; what is missing shows its default."""

    @abstractmethod
    def values(self) -> dict[str, Any]:
        """Every key of the config as it stands in the fields."""

    @abstractmethod
    def check(self) -> bool:
        """Put right what can be, show errors beside the rest; answers whether all is well."""

    @abstractmethod
    def take_found(self, found: Found) -> None:
        """Fill in a device that was found in the network."""

    @abstractmethod
    def repair_of(self, code: str) -> tuple[str, Place] | None:
        """What a button below that failure says, and where it leads."""

    @property
    def ladder_kind(self) -> str:
        """Which words the steps to the device have."""
        return self.KIND

    def without_values(self) -> str:
        """What is said after a test that went well without a value."""
        return _('No value has come yet. That is normal where devices report rarely.')

    def plain(self, key: str, message: str) -> str:
        """What the validation says of a field, in plain words; as it is where there are none better."""
        return message

    def show_problems(self, problems: Problems) -> list[str]:
        """Show what validation found beside the fields; answers what belongs to none of them."""
        rest = []
        for path, message in problems:
            field = self.fields.get(path[1]) if len(path) > 1 and path[0] == 'config' else None
            if field is not None:
                field.show_error(self.plain(path[1], message))
            else:
                rest.append(f'{".".join(path)}: {message}')
        return rest

    # deciding what is written

    @classmethod
    def default_of(cls, key: str) -> Any:
        """What a key means when it is not written."""
        return cls.CONFIG.model_fields[key].get_default(call_default_factory=True)

    def new_config(self) -> dict[str, Any]:
        """For a new connection: what differs from the default."""
        return {key: value for key, value in self.values().items()
                if key in self.ALWAYS_WRITTEN or value != self.default_of(key)}  # fmt: skip

    def changes(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """For an existing one: what differs from `before` (values of then); None brings the default back."""
        return {key: None if value == self.default_of(key) else value
                for key, value in self.values().items() if value != before.get(key)}  # fmt: skip
