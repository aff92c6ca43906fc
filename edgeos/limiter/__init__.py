"""Limits for the CPU time and memory of process trees that really hold, without root."""

from edgeos.limiter.decide import memory_reason
from edgeos.limiter.limiter import MOST_PROCESSES, NO_LIMIT, ResourceLimiter
from edgeos.limiter.watched import OnKill, OnMemory

__all__ = ['MOST_PROCESSES', 'NO_LIMIT', 'OnKill', 'OnMemory', 'ResourceLimiter', 'memory_reason']
