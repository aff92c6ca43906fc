"""Programs under measurement: started, asked, weighed."""
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.helpers import free_port

MAIN = str(Path(__file__).parents[2] / 'main.py')


def clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(('PYTEST', 'NICEGUI'))}


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env=clean_environment())  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(15)


@contextmanager
def crowd(count: int, points: int = 0, mode: str = 'full') -> Iterator[tuple[psutil.Process, str]]:
    """tests.bench.crowd: its process and URL."""
    with program('-m', 'tests.bench.crowd', str(count), str(points), mode) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())['port']
        yield psutil.Process(process.pid), f'http://127.0.0.1:{port}'


@contextmanager
def bare_page() -> Iterator[tuple[psutil.Process, str]]:
    port = free_port()
    with program('-m', 'tests.bench.bare_page', str(port)) as process:
        url = f'http://127.0.0.1:{port}'
        first_answer(url)
        yield psutil.Process(process.pid), url


def first_answer(url: str, limit: float = 30) -> float:
    """Seconds until the URL answers 200."""
    began = time.monotonic()
    while time.monotonic() - began < limit:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return time.monotonic() - began
        except OSError:
            time.sleep(0.005)
    raise TimeoutError(url)


def cpu_share(processes: list[psutil.Process], seconds: float) -> float:
    """Per cent of a core that these processes use together."""
    before = sum(used(process) for process in processes)
    began = time.monotonic()
    time.sleep(seconds)
    return (sum(used(process) for process in processes) - before) / (time.monotonic() - began) * 100


def used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def pss_mb(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 1e6
