"""A page with nothing but the overview, in a browser."""

import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.ui.support import Pages, Server


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp('overview'))
    deadline = time.monotonic() + 15
    while not started.is_up() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield started
    started.process.terminate()
    started.process.wait(5)


@pytest_asyncio.fixture(scope='module', loop_scope='module')
async def pages(server: Server) -> AsyncIterator[Pages]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path='/usr/bin/chromium', args=['--no-sandbox'])
        yield Pages(server, browser)
        await browser.close()
