"""The overview open in a real browser while every connection changes each second; and a thousand reloads."""
import time

import psutil
from playwright.sync_api import sync_playwright

from tests.bench.apps import cpu_share, crowd
from tests.bench.report import Report
from tests.e2e.support import CHROMIUM

SECONDS = 20
RELOADS = 1000


def chromium_processes() -> list[psutil.Process]:
    """All processes of the browser this bench has started."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if 'chrom' in child.name()]


def open_overview(report: Report, count: int, hold_server: float, hold_browser: float) -> None:
    with crowd(count) as (server, url), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        page = browser.new_page(viewport={'width': 1440, 'height': 900})
        frames: list[int] = []
        page.on('websocket', lambda socket: socket.on('framereceived', lambda payload: frames.append(len(payload))))
        page.goto('about:blank')
        time.sleep(2)
        idle_server, idle_browser = cpu_share([server], SECONDS), cpu_share(chromium_processes(), 5)
        page.goto(url)
        page.get_by_text('Connection 1', exact=True).first.wait_for()
        page.wait_for_timeout(5000)  # its events are told only while it is asked something
        frames.clear()
        began = time.monotonic()
        browser_before = sum(sum(p.cpu_times()[:2]) for p in chromium_processes())
        with_page = cpu_share([server], SECONDS)
        page.wait_for_timeout(100)
        seconds = time.monotonic() - began
        browser_cpu = (sum(sum(p.cpu_times()[:2]) for p in chromium_processes()) - browser_before) / seconds * 100
        remark = f'{idle_server:.1f} without a page'
        report.figure(f'{count} connections: server', with_page, '% of a core', remark, at_most=hold_server)
        report.figure(f'{count} connections: browser', browser_cpu, '% of a core', f'{idle_browser:.1f} on an empty page',
                      at_most=hold_browser)  # fmt: skip
        report.figure(f'{count} connections: messages a second', len(frames) / seconds, '', f'{sum(frames) / seconds / 1000:.1f} kB/s',
                      at_most=1.5)  # fmt: skip
        browser.close()


def reloads(report: Report) -> None:
    with crowd(10) as (server, url), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        page = browser.new_page()
        resident = {}
        for number in range(1, RELOADS + 1):
            page.goto(url)
            page.get_by_text('Connection 1', exact=True).first.wait_for()
            if number in (200, RELOADS):
                time.sleep(40)  # the server waits that long for a browser to come back
                resident[number] = server.memory_info().rss / 1e6
        report.figure('1,000 reloads: growth since the 200th', resident[RELOADS] - resident[200], 'MB',
                      f'{resident[200]:.0f} MB then', at_most=3.0)  # fmt: skip
        browser.close()


def run(report: Report) -> None:
    open_overview(report, 100, 1.5, 5)
    open_overview(report, 1000, 3, 6)
    reloads(report)
