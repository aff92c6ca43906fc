"""The baseline for start-up and memory: one NiceGUI page with a label. python -m tests.bench.bare_page PORT"""
import sys

from nicegui import ui


@ui.page('/')
def page() -> None:
    ui.label('bare')


if __name__ == '__main__':
    ui.run(host='127.0.0.1', port=int(sys.argv[1]), reload=False, show=False, show_welcome_message=False)
