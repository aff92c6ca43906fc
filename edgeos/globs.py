"""Globs over point ids: `*` stays within one level, `**` crosses levels; levels separate at `/` only."""
import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def compile_glob(glob: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """The pattern whose `fullmatch` is the glob; everything but `*` is literal.

    The text that each `*` stood for is a group, in order, so that a route can fill it in elsewhere.
    """
    parts = re.split(r'(\*\*|\*)', glob)
    pattern = ''.join({'**': '(.*)', '*': '([^/]*)'}.get(part) or re.escape(part) for part in parts)
    return re.compile(pattern, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
