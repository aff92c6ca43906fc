"""The two clocks: one that never steps, for waiting and rates, and the owner's, for what is shown."""
import time


class Clock:
    """The real clocks; tests hand in one that moves when told."""

    def monotonic(self) -> float:
        """Seconds since some start; never steps."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970 (UTC); may step when the clock is set."""
        return time.time()


SYSTEM_CLOCK = Clock()
