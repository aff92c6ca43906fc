"""Which Chromium there is, where it may show itself, and how it is started. Pure but for looking at the machine."""
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

PROGRAMS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge',
            'microsoft-edge-stable', 'brave-browser')  # fmt: skip
INSTALL = 'sudo apt install chromium'
X_SOCKETS = Path('/tmp/.X11-unix')

# what a browser needs of ours; neither passwords nor keys are among it
PASSED_ON = frozenset((
    'PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR', 'DISPLAY', 'XAUTHORITY',
    'WAYLAND_DISPLAY', 'XDG_RUNTIME_DIR', 'XDG_SESSION_TYPE', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME', 'XDG_DATA_HOME',
    'XDG_DATA_DIRS', 'XDG_CONFIG_DIRS', 'XDG_SEAT', 'XDG_VTNR', 'XCURSOR_THEME', 'XCURSOR_SIZE', 'GDK_SCALE',
    'DBUS_SESSION_BUS_ADDRESS', 'LD_LIBRARY_PATH', 'FONTCONFIG_PATH', 'FONTCONFIG_FILE',
))  # fmt: skip
PASSED_ON_BEGIN = ('LC_', 'LIBGL_', 'MESA_', 'LIBVA_', 'VK_')

FLAGS = (
    '--kiosk', '--no-first-run', '--no-default-browser-check', '--noerrdialogs', '--remote-debugging-pipe',
    # nothing of the last time
    '--hide-crash-restore-bubble', '--disable-session-crashed-bubble',
    # nothing a finger does by mistake
    '--disable-pinch', '--overscroll-history-navigation=0', '--enable-features=OverlayScrollbar',
    # nothing that asks
    '--deny-permission-prompts', '--disable-notifications', '--password-store=basic', '--disable-prompt-on-repost',
    '--disable-hang-monitor', '--disable-infobars',
    '--disable-features=Translate,TranslateUI,MediaRouter,OptimizationHints,InterestFeedContentSuggestions,'
    'AutofillServerCommunication,DownloadBubble,GlobalMediaControls,DialMediaRouteProvider',
    # nothing that leaves the house
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
    '--disable-extensions', '--disable-domain-reliability', '--disable-client-side-phishing-detection', '--no-pings',
    '--metrics-recording-only', '--disable-breakpad', '--check-for-update-interval=31536000',
    '--simulate-outdated-no-au=Thu, 31 Dec 2099 23:59:59 GMT',
    '--window-position=0,0', '--disk-cache-size=33554432',
)  # fmt: skip
BLANK = 'about:blank'  # where to comes later: others can read a command line


def find_browser(path: str | None = None) -> str:
    """The first of PROGRAMS on the PATH, '' for none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name, path=path))), '')


def find_display(environment: Mapping[str, str], x_sockets: Path = X_SOCKETS) -> dict[str, str]:
    """What to tell a program about where it can show itself: as we were told, else what this machine has; {} for none.

    A service, or a program that somebody starts over the network, is told nothing.
    """
    told = {name: environment[name] for name in ('WAYLAND_DISPLAY', 'DISPLAY') if environment.get(name)}
    if told:
        return told
    runtime = environment.get('XDG_RUNTIME_DIR')
    for socket in sorted(Path(runtime).glob('wayland-*')) if runtime else ():
        if socket.is_socket() and os.access(socket, os.W_OK):
            return {'WAYLAND_DISPLAY': socket.name}
    for socket in sorted(x_sockets.glob('X[0-9]*')):
        if os.access(socket, os.W_OK):
            return {'DISPLAY': f':{socket.name[1:]}'}
    return {}


def make_argv(program: str, profile: Path, display: Mapping[str, str], as_root: bool) -> list[str]:
    """Chromium refuses to run as root with its sandbox; `--test-type` keeps it from complaining about that for ever."""
    platform = 'wayland' if 'WAYLAND_DISPLAY' in display else 'x11'
    root = ['--no-sandbox', '--test-type'] if as_root else []
    return [program, *FLAGS, f'--ozone-platform={platform}', *root, f'--user-data-dir={profile}', BLANK]


def make_environment(environment: Mapping[str, str], display: Mapping[str, str]) -> dict[str, str]:
    """A few things by name; everything else, secrets too, stays here."""
    passed = {name: value for name, value in environment.items()
              if name in PASSED_ON or name.startswith(PASSED_ON_BEGIN)}  # fmt: skip
    return {**passed, **display}
