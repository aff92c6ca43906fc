"""Installs the app as a service of systemd, updates it, goes back, and removes it: `python3 -m edgeos.service`.

Standard library only, and nothing of the app: it runs before there is any environment, and must work when the app does
not.
"""
