"""The table a bench run prints: each figure beside its baseline of the same run, and whether it holds."""
from dataclasses import dataclass, field


@dataclass
class Report:
    """Rows as they come; `misses` are those beyond what is to hold."""

    misses: list[str] = field(default_factory=list)

    def row(self, what: str, ours: float, baseline: float, *, at_least: float | None = None,
            at_most: float | None = None) -> None:  # fmt: skip
        """A ratio against a baseline."""
        ratio = ours / baseline if baseline else float('inf')
        self._say(what, f'{ours:,.3g} against {baseline:,.3g} = {ratio:.2f} x', ratio, at_least, at_most, 'x')

    def figure(self, what: str, value: float, unit: str, remark: str = '', *, at_most: float | None = None,
               at_least: float | None = None) -> None:  # fmt: skip
        """An absolute figure."""
        self._say(what, f'{value:,.3g} {unit}' + (f' ({remark})' if remark else ''), value, at_least, at_most, unit)

    def _say(self, what: str, text: str, value: float, at_least: float | None, at_most: float | None, unit: str) -> None:
        missed = (at_least is not None and value < at_least) or (at_most is not None and value > at_most)
        hold = f'>= {at_least:g} {unit}' if at_least is not None else f'<= {at_most:g} {unit}' if at_most is not None else ''
        verdict = '' if not hold else ('  MISSED' if missed else '  holds') + f' ({hold})'
        print(f'{what:44} {text}{verdict}', flush=True)
        if missed:
            self.misses.append(what)
