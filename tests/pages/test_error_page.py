"""Which errors of a page are none: a browser may leave at any time."""
import pytest
from nicegui.slot import Slot

from pages.error_page import has_left


class Parent:
    """Nobody holds it, so it is gone at once, like the elements of a page that was closed."""


def test_a_browser_that_leaves_while_its_page_is_at_work_is_no_error() -> None:
    slot = Slot(Parent(), 'default')  # type: ignore[arg-type]
    with pytest.raises(RuntimeError) as left:
        _ = slot.parent
    assert has_left(left.value)


def test_our_own_errors_are_errors_whatever_they_say() -> None:
    with pytest.raises(RuntimeError) as ours:
        raise RuntimeError('The file has been deleted.')
    assert not has_left(ours.value)
    assert not has_left(RuntimeError('The client this element belongs to has been deleted.'))
