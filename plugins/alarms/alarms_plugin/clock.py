"""The clocks the alarms go by; tests hand in others."""

import time


class Clock:
    """`monotonic` never steps; `wall` is in seconds since 1970, `local` the time of day in minutes."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def local(self) -> int:
        now = time.localtime(self.wall())
        return now.tm_hour * 60 + now.tm_min
