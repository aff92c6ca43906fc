"""How long the event loop is held, beside an empty loop in a process of its own over the same time."""
import asyncio
import subprocess
import sys
import time
from pathlib import Path
from statistics import quantiles

TICK = 0.005  # s


class Lag:
    """`async with Lag() as lag:` around what is to be judged; then `worst`, `p99` and the empty loop's `empty_p99`."""

    async def __aenter__(self) -> 'Lag':
        self.found: list[float] = []
        self._sibling = await asyncio.to_thread(_start_sibling)
        self._task = asyncio.create_task(self._measure())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        said, _ = await asyncio.to_thread(self._sibling.communicate, '', 10)
        self.empty_p99 = float(said.split()[-1])

    @property
    def p99(self) -> float:
        """In ms."""
        return p99_of(self.found)

    @property
    def worst(self) -> float:
        """In ms."""
        return max(self.found, default=0.0)

    async def _measure(self) -> None:
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            self.found.append((time.perf_counter() - due) * 1000)


def p99_of(found: list[float]) -> float:
    return quantiles(found, n=100)[98] if len(found) > 1 else 0.0


def _start_sibling() -> 'subprocess.Popen[str]':
    return subprocess.Popen([sys.executable, '-m', 'tests.lag'], cwd=Path(__file__).parents[1], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip


async def _empty_loop() -> None:
    lag = Lag()
    lag.found = []
    measuring = asyncio.create_task(lag._measure())
    await asyncio.to_thread(sys.stdin.read)
    measuring.cancel()
    print(lag.p99)


if __name__ == '__main__':
    asyncio.run(_empty_loop())
