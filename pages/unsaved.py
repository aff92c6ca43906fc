"""What somebody has typed and not saved, in the pages that are open now."""
from nicegui import Client, ui

from pages import kept_drafts
from pages.forms import Field

FORMS = ('eo-dialog', 'pg-settings')  # forms that are saved as a whole


def has_unsaved(client: Client) -> bool:
    """Whether something is lost when this page goes."""
    return kept_drafts.any_of(client) or any(
        isinstance(element, Field) and element.is_typed and _is_in_use(element) for element in client.elements.values())


def others_with_unsaved(client: Client) -> bool:
    """Whether something is lost in another browser when the program ends."""
    return any(other is not client and other.has_socket_connection and has_unsaved(other)
               for other in list(Client.instances.values()))  # fmt: skip


def _is_in_use(field: ui.element) -> bool:
    """In a form, and neither hidden nor in a dialog that is closed."""
    around = [field, *field.ancestors()]
    return all(each.visible for each in around) and \
        any(each.tag == 'form' and not set(FORMS).isdisjoint(each.classes) for each in around) and \
        all(each.value for each in around if isinstance(each, ui.dialog))  # fmt: skip
