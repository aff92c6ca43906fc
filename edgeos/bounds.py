"""The least that a limit may be; below, it cannot be held, or nothing can start.

`LEAST_MEMORY` is the owner's: less than any worker or plugin needs to start. The limiter by itself takes less.
"""

LEAST_CPU = 1.0  # percent of one core
LEAST_MEMORY = 16  # MB
