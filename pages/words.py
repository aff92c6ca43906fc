"""Words that several lists need in the browser."""
from pages.i18n import _


def time_words() -> dict[str, str]:
    """For ages and spans, as `makeFormat` in the browser takes them."""
    return {'now': _('now'), 'never': _('never'), 'seconds_ago': _('{count} s ago'),
            'minutes_ago': _('{count} min ago'), 'hours_ago': _('{count} h ago'),
            'days_ago': _('{count} d ago')}  # fmt: skip


def list_words() -> dict[str, str]:
    """For lists that can be searched."""
    return {**time_words(), 'filters': _('Filters'), 'clear_search': _('Clear search'),
            'clear_filters': _('Clear filters'), 'matches': _('{count} of {total}'),
            'none_title': _('Nothing matches'), 'stale': _('old'), 'bad': _('broken')}  # fmt: skip
