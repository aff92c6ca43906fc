"""Bluetooth Low Energy: radios, links, and what devices say; only `library.py` knows the library underneath."""
