"""A small page app with the guards, run as a process of its own: guarded_page.py PORT [open|socket-only]."""

import sys

import uvicorn
from fastapi import FastAPI
from nicegui import ui

from edgeos.web.security import allowed_hosts, install, restrict_socket


@ui.page('/')
def start() -> None:
    ui.dark_mode(None)
    clicks = ui.label('0').mark('clicks').classes('clicks text-xl')
    ui.button('Count', on_click=lambda: clicks.set_text(str(int(clicks.text) + 1)))
    ui.icon('home')
    ui.input('Name').props('outlined')
    ui.plotly({'data': [{'type': 'scatter', 'x': [1, 2, 3], 'y': [1, 3, 2]}], 'layout': {'width': 300, 'height': 200}})
    ui.html('<b>bold</b>')
    ui.image('data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==').classes('w-8')
    ui.button('Script', on_click=lambda: ui.run_javascript('document.title = `${1 + 1} scripts`'))


def main(port: int, mode: str) -> None:
    app = FastAPI()
    ui.run_with(app, show_welcome_message=False)
    hosts = allowed_hosts('127.0.0.1', port, [])
    if mode != 'open':
        restrict_socket(hosts)
    if mode == 'guarded':
        install(app, hosts)
    uvicorn.run(app, host='127.0.0.1', port=port, log_level='warning')


if __name__ == '__main__':
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else 'guarded')
