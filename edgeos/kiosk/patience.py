"""How long to wait before something is tried again: not at all, then ever longer, until it has held for a while."""


class Patience:
    """Waits 0, 1, 2, 4 … `longest` s; from the beginning again once it has held for `steady` s. `times` counts."""

    def __init__(self, longest: float, steady: float) -> None:
        self._longest = longest
        self._steady = steady
        self.times = 0

    def next(self, held: float) -> float:
        """The wait in s, after what was tried has held for so long."""
        self.times = 1 if held >= self._steady else self.times + 1
        return 0.0 if self.times == 1 else min(self._longest, 2.0 ** (self.times - 2))
