"""Simulated devices that speak the real protocols over loopback."""

from edgeos.demo.demo import Demo

__all__ = ['Demo']
