"""Where the panel's page stands: on our pages, on its way to them, or astray. And what is shown until there are any."""
import asyncio
import html
from enum import Enum
from urllib.parse import urlsplit

from edgeos import NAME
from edgeos.colours import token
from edgeos.kiosk.browser import Look

ANSWERS = 3.0  # s

WAITING = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{name}</title>
<style>html {{ height: 100%; background: {bg}; color: {muted}; cursor: none; user-select: none;
  font: 18px system-ui, "Noto Sans", "DejaVu Sans", sans-serif; }}
body {{ height: 100%; margin: 0; display: grid; place-content: center; text-align: center; gap: 12px; }}
svg {{ width: 72px; margin: auto; opacity: .9 }} b {{ color: {text}; font-weight: 600 }}</style>
<svg viewBox="0 0 40 40"><rect width="40" height="40" rx="11" fill="#0b63bd"/><path d="M26.5 12H14v16h12.5M14 20h10.5"
fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>
<b>{name}</b><span>{url}</span>
"""  # no words: nobody knows yet in which language
COLOURS = {name: token(name, 'dark') for name in ('bg', 'text', 'muted')}


class Place(Enum):
    """Where the page stands."""

    OURS = 'ours'
    UNDERWAY = 'underway'
    ASTRAY = 'astray'


def place_of(look: Look, url: str) -> Place:
    """`url` is where the program serves. A panel is let in without a password, so the login is no place to stay."""
    if not look.href or (look.is_loading and look.href == 'about:blank'):
        return Place.UNDERWAY
    here, home = urlsplit(look.href), urlsplit(url)
    if (here.scheme, here.netloc) != (home.scheme, home.netloc) or look.content_type != 'text/html':
        return Place.ASTRAY
    if here.path in ('/screen', '/start'):  # which lead on
        return Place.UNDERWAY
    return Place.ASTRAY if here.path == '/login' else Place.OURS


def waiting_page(url: str) -> str:
    """What a panel shows until the program serves at this URL."""
    return WAITING.format(name=html.escape(NAME), url=html.escape(url.removeprefix('http://')), **COLOURS)


async def is_serving(url: str) -> bool:
    """Whether the program says at this URL that it is well."""
    home = urlsplit(url)
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(ANSWERS):
            reader, writer = await asyncio.open_connection(home.hostname, home.port)
            writer.write(f'GET /api/health HTTP/1.1\r\nHost: {home.netloc}\r\nConnection: close\r\n\r\n'.encode())
            first = await reader.readline()
            return first.split(b' ')[1:2] == [b'200']
    except (OSError, ValueError):  # nobody listens; or answers with a line that has no end
        return False
    finally:
        if writer is not None:
            writer.transport.abort()
