"""The panel on the wall: Chromium full-screen on the pages, watched, and started again when it fails."""
from edgeos.kiosk.panel import Panel

__all__ = ['Panel']
