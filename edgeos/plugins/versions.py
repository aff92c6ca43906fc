"""Versions of plugins (semver 2.0), and the ranges that a manifest asks for."""
import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Self

from edgeos.plugins.errors import BadText

_NUMBER = r'(0|[1-9]\d{0,8})'
_PART = r'(?:0|[1-9]\d{0,8}|\d*[A-Za-z-][0-9A-Za-z-]*)'
_VERSION = re.compile(rf'{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PART}(?:\.{_PART})*))?', re.ASCII)
MOST_CHARACTERS = 64
MOST_RANGE = 100


class BadVersion(BadText):
    """Raised for what is no version, or no range of versions."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """`prerelease` is '' for a release; one like 1.0.0-beta.1 comes before its release."""

    major: int
    minor: int
    patch: int
    prerelease: str = ''

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BadVersion. Build metadata (`+…`) is refused: two packages would be the same version."""
        found = _VERSION.fullmatch(text) if len(text) <= MOST_CHARACTERS else None
        if found is None:
            raise BadVersion(f'expected a version like 1.2.3 or 1.2.3-beta.1, got {text[:MOST_CHARACTERS]!r}')
        major, minor, patch, prerelease = found.groups()
        return cls(int(major), int(minor), int(patch), prerelease or '')

    @property
    def release(self) -> str:
        """Without what makes it a prerelease."""
        return f'{self.major}.{self.minor}.{self.patch}'

    def __str__(self) -> str:
        return f'{self.release}-{self.prerelease}' if self.prerelease else self.release

    def __lt__(self, other: Self) -> bool:
        return self._rank() < other._rank()

    def _rank(self) -> tuple[int, int, int, bool, list[tuple[bool, int, str]]]:
        """Numbers rank below words; a longer row of parts above a shorter one that it begins with."""
        parts = self.prerelease.split('.') if self.prerelease else []
        ranks = [(False, int(part), '') if part.isdigit() else (True, 0, part) for part in parts]
        return self.major, self.minor, self.patch, not parts, ranks


def fits(requirement: str, version: Version | str) -> bool:
    """Whether a version is in a range like '>=1.0,<2'; an empty one takes all. Raises BadVersion.

    A prerelease counts as its place between the releases.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion
    from packaging.version import Version as AnyVersion

    if len(requirement) > MOST_RANGE:
        raise BadVersion(f'expected a range of versions of at most {MOST_RANGE} characters')
    try:
        wanted = SpecifierSet(requirement)
    except InvalidSpecifier:
        raise BadVersion(f'expected a range of versions like ">=1.0,<2", got {requirement!r}') from None
    try:
        return wanted.contains(AnyVersion(str(version)), prereleases=True)
    except InvalidVersion:  # words that semver allows and Python's versions do not
        if isinstance(version, str):
            return fits(requirement, Version.parse(version))
        return wanted.contains(version.release, prereleases=True)
