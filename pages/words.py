"""Words that several pages need."""
from pages.format import Format
from pages.i18n import _


def time_words() -> dict[str, str]:
    """For ages and spans, as `makeFormat` in the browser takes them."""
    return {'now': _('now'), 'never': _('never'), 'seconds_ago': _('{count} s ago'),
            'minutes_ago': _('{count} min ago'), 'hours_ago': _('{count} h ago'),
            'days_ago': _('{count} d ago')}  # fmt: skip


def graph_words() -> dict[str, str]:
    """For the time until a graph has a value."""
    return {'collecting': _('Collecting, first value in {count} s'),
            'soon': _('Collecting, the first value is due now')}  # fmt: skip


def list_words() -> dict[str, str]:
    """For lists that can be searched."""
    return {**time_words(), 'filters': _('Filters'), 'clear_search': _('Clear search'),
            'clear_filters': _('Clear filters'), 'matches': _('{count} of {total}'),
            'none_title': _('Nothing matches'), 'stale': _('old'), 'bad': _('broken')}  # fmt: skip


def say_needs(count: int, words: Format) -> str:
    """How many things need somebody."""
    if not count:
        return _('Nothing needs you')
    return (_('{count} needs you') if count == 1 else _('{count} need you')).format(count=words.whole(count))
