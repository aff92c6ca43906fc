"""SmartHome Edge OS: options, settings, system, pages and API, run."""
import asyncio
import gc
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

if __name__ == '__main__':
    gc.disable()  # until it serves: nearly all that is made by then stays

try:
    from edgeos import NAME, __version__
    from edgeos.connections.kinds import config_models
    from edgeos.folder_lock import FolderInUse, introduce, lock_folder
    from edgeos.logs import set_up_logging
    from edgeos.notify import Notifier
    from edgeos.options import BAD_INPUT, Options, parse_options
    from edgeos.power import StartAgain, start_again
    from edgeos.processes import ProcessError
    from edgeos.reporting import log_error
    from edgeos.screens import CannotShow, Screen, Showing, end_program, local_url
    from edgeos.settings import SettingsError, SettingsFile, check_exposure
    from edgeos.system import System
    from edgeos.web.app import make_app, make_doors
    from edgeos.web.server import CannotListen, PortTaken, bind, run_loop, run_server
except ModuleNotFoundError as lack:
    if (lack.name or '').partition('.')[0] in ('edgeos', 'pages'):
        raise  # of ours
    sys.exit(f'main.py: {lack}: expected Python 3.11 or newer with the packages of requirements.txt; make run has both')

CANNOT_START, PORT_TAKEN, CANNOT_SHOW = 1, 3, 4


def main() -> int:
    """The exit status: 0 after a stop, 1 when it fails, 2 for bad input, 3 for a taken port, 4 for its window."""
    options = parse_options(sys.argv[1:])
    try:
        return start(options)
    except SettingsError as error:
        return fail(str(error), BAD_INPUT)
    except StartAgain as wish:
        try:
            start_again(*wish.arguments)
        except OSError as error:
            return fail(f'{sys.executable}: cannot be started again: {error.strerror}', CANNOT_START)


def start(options: Options) -> int:
    """A demo has a folder of its own that goes with it."""
    if not options.demo:
        return run(options, None)
    folder = Path(tempfile.mkdtemp(prefix='edgeos-demo-'))
    try:
        return run(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(options: Options, demo_folder: Path | None) -> int:
    """Settings first, then what was asked for."""
    path = demo_folder / 'settings.toml' if demo_folder else options.settings or Path('settings.toml')
    settings_file = SettingsFile.load(path, config_models(), create=options.settings is None,
                                      allow_exposed=True, read_only=options.check)  # fmt: skip
    if options.set_password:
        return set_password(settings_file)
    host = options.host or settings_file.settings.app.host
    check_exposure(settings_file.settings, host, '--host' if options.host else f'{path}: app.host')
    if options.check:
        print(f'{path}: settings are valid')  # noqa: T201
        return 0
    return serve(options, settings_file, host, asked_port(options, settings_file))


def set_password(settings_file: SettingsFile) -> int:
    """Ask twice, store the hash."""
    from edgeos.web.login import prompt_password
    from edgeos.web.passwords import SecretRefused

    try:
        settings_file.set_value('security.password_hash', prompt_password())
    except SecretRefused as error:
        return fail(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return fail('nothing was changed', BAD_INPUT)
    return 0


def serve(options: Options, settings_file: SettingsFile, host: str, port: int) -> int:
    """Bind, build the house, run until told to stop."""
    data = options.data or settings_file.path.parent / 'data'
    if options.native and (status := join_running(settings_file, data)) is not None:
        return status
    try:
        sock = bind(host, port)
    except PortTaken as error:
        return fail(str(error), PORT_TAKEN)
    except CannotListen as error:
        return fail(str(error), BAD_INPUT)
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return fail(f'{data}: expected a folder to write to: {error.strerror}', BAD_INPUT)
    try:
        lock = lock_folder(data)
    except FolderInUse as error:
        return fail(str(error), BAD_INPUT)
    except OSError as error:
        return fail(f'{data}: expected a folder to write to: {error.strerror}', BAD_INPUT)
    introduce(lock, '' if options.headless else local_url(host, sock.getsockname()[1]), options.screen)
    set_up_logging(data / 'logs', options.log_level)
    try:
        with lock:
            run_loop(live(options, settings_file, data, sock, host))
    except asyncio.CancelledError:  # told to stop before it served
        return 0
    except CannotShow as error:
        return fail(str(error), CANNOT_SHOW)
    except ProcessError as error:
        return fail(str(error), CANNOT_START)
    except OSError as error:
        where = error.filename or data
        return fail(f'{where}: expected a file to read and write: {error.strerror or error}', BAD_INPUT)
    return 0


async def live(options: Options, settings_file: SettingsFile, data: Path, sock: socket.socket, host: str) -> None:
    """From the first object to the last; raises what ends the program with a status of its own."""
    stop_early()
    notifier = Notifier()
    notifier.begin()
    add_pages = None if options.headless else load_pages()
    gc.freeze()  # code stays: a full collection need not look at it again, which would hold the loop for some 60 ms
    port = sock.getsockname()[1]
    system = System(settings_file, data, forgetful=options.demo)
    doors = make_doors(system)
    showing = Showing(screen_for(options, system), local_url(host, port))

    def on_ready() -> None:
        gc.enable()
        announce(host, port)
        notifier.ready(local_url(host, port))
        showing.begin()

    async def stop() -> None:
        await asyncio.gather(showing.stop(), system.stop())

    try:
        await system.start()
        if options.demo:
            await system.start_demo()
        app = make_app(system, doors, host, port, add_pages and partial(add_pages, system=system, doors=doors))
        await run_server(app, sock, on_ready=on_ready, stop=stop, has_pages=not options.headless)
    except (OSError, ProcessError):  # said in one line by who called
        raise
    except Exception as error:
        log_error(error, operation='run')
        raise
    finally:
        await stop()
        await doors.access.save()
    if showing.failure:
        raise CannotShow(showing.failure)
    if system.power.wants_restart:  # at the port it had, if it was any free one
        notifier.hand_on()
        raise StartAgain(*([] if asked_port(options, settings_file) else ['--port', str(port)]))


def asked_port(options: Options, settings_file: SettingsFile) -> int:
    """What to listen at; 0 for any free one."""
    return settings_file.settings.app.port if options.port is None else options.port


def screen_for(options: Options, system: System) -> Screen | None:
    """What shows the pages on this device, if it was asked for."""
    if options.kiosk:
        from edgeos.kiosk import Panel

        return Panel(system.paths.data, say=say)
    if options.native:
        from edgeos.window.window import Window

        look = system.settings_file.settings.app
        return Window(system.paths.data, language=look.language, theme=look.theme, on_closed=end_program)
    return None


def join_running(settings_file: SettingsFile, data: Path) -> int | None:
    """With `--native`, where the program runs already: its window. None when it does not run, and could have one."""
    from edgeos.window import failures, needs
    from edgeos.window.second_start import join

    look = settings_file.settings.app
    try:
        if join(data, look.language, look.theme) == 'done':
            return 0
    except CannotShow as error:
        return fail(str(error), CANNOT_SHOW)
    lack = needs.find_plain_lack()
    return None if lack is None else fail(failures.missing(*lack), CANNOT_SHOW)


def announce(host: str, port: int) -> None:
    """The one line that says where it serves."""
    shown = f'[{host}]' if ':' in host else host
    say(f'{NAME} {__version__} ready at http://{shown}:{port}')


def say(text: str) -> None:
    """One line for whoever started the program."""
    try:
        print(text, flush=True)  # noqa: T201
    except OSError:  # the terminal is gone; what waits to be written to it would fail the end too
        sys.stdout = open(os.devnull, 'w', encoding='utf-8')  # noqa: SIM115


def stop_early() -> None:
    """Until the server takes over the signals, they end the start."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    hangup = getattr(signal, 'SIGHUP', None)  # the terminal was closed; not on Windows
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:  # as nohup wants it
        loop.add_signal_handler(hangup, signal.raise_signal, signal.SIGTERM)


def load_pages() -> Callable[..., None]:
    """What adds them; loaded only where somebody will look at pages, and before the first connection is at work."""
    from pages import add_pages

    return add_pages


def fail(message: str, status: int) -> int:
    """One line on stderr."""
    sys.stderr.write(f'main.py: {message}\n')
    return status


if __name__ == '__main__':
    sys.exit(main())
