"""Bare pyads: sum reads of names as fast as it can. python -m tests.bench.plc_bare ADDRESS NET_ID SECONDS NAME..."""
import sys
import time

import pyads

from tests.bench.receiver import say

if __name__ == '__main__':
    address, net_id, seconds, *names = sys.argv[1:]
    plc = pyads.Connection(net_id, 851, address)
    plc.open()
    plc.read_list_by_name(names)  # fills the cache of symbol infos
    began, cpu, rounds = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < float(seconds):
        plc.read_list_by_name(names)
        rounds += 1
    say(rate=rounds / (time.monotonic() - began), cpu=(time.process_time() - cpu) / rounds)
    plc.close()
