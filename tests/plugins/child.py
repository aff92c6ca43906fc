"""A plugin's process by hand, without shim and SDK: python -I -S child.py; how it behaves is the class of its entry."""
import faulthandler
import json
import os
import signal
import socket
import subprocess  # before the drop: the interpreter may lie where only root can go
import sys
import threading
import time

TOLD = json.loads(os.environ.pop('EDGEOS_PLUGIN'))
SOCK = socket.socket(fileno=int(os.environ.pop('EDGEOS_RPC_FD')))
KIND = TOLD['entry'].partition(':')[2]
LOCK = threading.Lock()  # two threads at a time would mix their lines
faulthandler.register(signal.SIGUSR1, all_threads=True)
'x'.encode('idna')


def drop() -> None:
    uid = TOLD['uid']
    if uid is not None and KIND != 'stays_root':
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def say(**message: object) -> None:
    with LOCK:
        SOCK.sendall(json.dumps({'jsonrpc': '2.0', **message}).encode() + b'\n')


def notify(method: str, **params: object) -> None:
    say(method=method, params=params)


def hello(**other: object) -> None:
    notify('hello', **{'api': 1, 'id': TOLD['id'], 'version': TOLD['version'], 'token': TOLD['token'],
                       'isolation': {'uid': TOLD['uid'] is not None, 'landlock': 0}, **other})


def flood() -> None:
    line = json.dumps({'jsonrpc': '2.0', 'method': 'publish', 'params': {'name': 'flood', 'value': 1}}).encode() + b'\n'
    while True:
        with LOCK:
            SOCK.sendall(line * 50)
        time.sleep(0.0001)


def spin() -> None:
    while True:
        pass


def daemon(*, empty: bool = False) -> None:
    """Forks twice into a session of its own; what is left sleeps and ignores what it can."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if empty:
                os.execve('/bin/sleep', ['sleep', '300'], {})
            print('daemon', os.getpid(), flush=True)
            time.sleep(300)
        os._exit(0)
    os.wait()


def do(kind: str, config: dict) -> None:
    """After initialize."""
    if kind == 'prints_binary':
        os.write(1, bytes(range(256)) * 40 + b'\n{"jsonrpc": "2.0", "method": "publish"}\n')
    elif kind == 'endless_line':
        SOCK.sendall(b'{"jsonrpc": "2.0", "method": "' + b'x' * 8_000_000)
    elif kind == 'rubbish':
        SOCK.sendall(b'this is no JSON\n')
    elif kind == 'brackets':
        SOCK.sendall(b'[' + b'{},' * 300_000 + b'{}]\n')
    elif kind == 'floods':
        threading.Thread(target=flood, daemon=True).start()
    elif kind == 'floods_log':
        threading.Thread(target=lambda: [notify('log', level='info', text='x' * 5000) for _ in range(10**9)],
                         daemon=True).start()
    elif kind == 'prints':
        threading.Thread(target=lambda: [print('x' * 200) for _ in range(10**9)], daemon=True).start()
    elif kind == 'floods_requests':
        threading.Thread(target=lambda: [say(id=n, method='state.get', params={'key': 'big'}) for n in range(10**9)],
                         daemon=True).start()
        time.sleep(3600)  # and reads no answer
    elif kind == 'never_reads':
        time.sleep(3600)
    elif kind == 'eats':
        global MEMORY
        MEMORY = [bytearray(b'x' * 10_000_000) for _ in range(30)]
    elif kind == 'spins':
        threading.Thread(target=spin, daemon=True).start()
    elif kind == 'forks':
        for _ in range(3):
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(300)
    elif kind == 'double_forks':
        daemon()
    elif kind == 'double_forks_hidden':
        daemon(empty=True)
    elif kind == 'crashes_when_told':
        pass
    elif kind == 'ends_well':
        sys.exit(0)
    elif kind == 'closes':
        SOCK.shutdown(socket.SHUT_RDWR)
        time.sleep(3600)


def answer(message: dict) -> bool:
    """False when it is to end."""
    method, number = message.get('method'), message.get('id')
    if method == 'initialize':
        config = message['params']['config']
        if KIND == 'refuses_config' or config.get('bad'):
            say(id=number, error={'code': -32010, 'message': 'the host is missing'})
            os._exit(78)
        if KIND == 'exits_78':
            print('no host', flush=True)
            os._exit(78)
        if KIND == 'fails_in_start':
            notify('error', type='ValueError', message='of the plugin', traceback='line 1', handled=False)
            say(id=number, error={'code': -32603, 'message': 'ValueError: of the plugin'})
            os._exit(1)
        if KIND == 'hangs_in_start':
            time.sleep(3600)
        notify('publish', name='config', value=config)
        notify('publish', name='storage', value=message['params'].get('storage'))
        say(id=number, result=None)
        do(KIND, config)
    elif method == 'ping':
        if KIND == 'hangs' or (KIND == 'hangs_once' and os.path.exists('hang')):
            if KIND == 'hangs_once':
                os.unlink('hang')
                return True
            time.sleep(3600)
        say(id=number, result='pong')
    elif method == 'write':
        name, value = message['params']['name'], message['params']['value']
        if value == 'refuse':
            say(id=number, error={'code': -32002, 'message': 'not now'})
        elif value == 'die':
            os._exit(3)
        elif value == 'ask':
            ask(message['params']['name'])
            say(id=number, result=None)
        else:
            notify('publish', name=name, value=value, writable=True)
            say(id=number, result=None)
    elif method == 'config.changed':
        if message['params']['config'].get('bad'):
            say(id=number, error={'code': -32010, 'message': 'the host is missing'})
            os._exit(78)
        if KIND == 'takes_no_config':
            say(id=number, error={'code': -32601, 'message': 'unknown'})
        else:
            notify('publish', name='config', value=message['params']['config'])
            say(id=number, result=None)
    elif method == 'shutdown':
        if KIND == 'hangs_in_stop':
            time.sleep(3600)
        notify('log', level='info', text='stopping')
        say(id=number, result=None)
        return False
    elif method == 'point':
        print('point', json.dumps(message['params']['point']['value']), message['params']['subscriptions'], flush=True)
    elif method is None:
        print('answer', number, json.dumps(message.get('result', message.get('error'))), flush=True)
    return True


def ask(_name: str) -> None:
    """What the test has put into a file: one request a line."""
    with open('ask') as file:
        for line in file:
            SOCK.sendall(line.encode())


def main() -> None:
    if KIND == 'crashes_at_start':
        sys.stderr.write('Traceback: broken\n')
        sys.exit(1)
    if KIND in ('ignores_term', 'hangs_in_stop', 'never_reads'):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    drop()
    if KIND == 'eats_at_import':
        global MEMORY
        MEMORY = [bytearray(b'x' * 10_000_000) for _ in range(30)]
        time.sleep(3600)
    if KIND == 'forks_at_import':
        for _ in range(100):
            if os.fork() == 0:
                time.sleep(300)
        time.sleep(3600)
    if KIND == 'says_no_hello':
        time.sleep(3600)
    hello(**({'token': 'guessed'} if KIND == 'wrong_token' else {'api': 2} if KIND == 'wrong_api' else {}))
    for line in SOCK.makefile('rb'):
        if not answer(json.loads(line)):
            break
    if KIND == 'ignores_term':
        time.sleep(3600)


main()
_ = subprocess
