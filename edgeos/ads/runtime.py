"""One runtime of a PLC (an AMS port), in a thread of its own: opens it, keeps it going, and tells when it is lost.

The thread is the only one that uses its AMS port, because AdsLib allows one request at a time there. It ends by
itself when the link is dead: after AdsLib's error -1, or two timeouts in a row.
"""
import queue
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from edgeos.ads import library
from edgeos.ads.errors import DEAD, NO_ANSWER, NO_SUCH_PORT, RUN
from edgeos.ads.library import AdsError, AmsPort
from edgeos.ads.session import NotRunning, Session
from edgeos.ads.store import LONGEST_TIMEOUT, UnknownSymbol, request_timeout
from edgeos.ads.values import ValueRefused
from edgeos.ads.writing import ReadOnly

SYSTEM_SERVICE = 10_000  # the AMS port that answers also in CONFIG
MOST_TIMEOUTS = 2
MOST_JOBS = 1000

Send = Callable[[list[Any]], None]
Answer = Callable[[Any], None]
Job = tuple[str, dict[str, Any], Answer, Answer]


class Runtime(threading.Thread):
    """`send` takes messages for the app; jobs are given with `ask` and answered through their own callbacks.

    The first job is the opening. Messages: `values` (see poll.py), `slow` count, `lost` kind, value and text, `paused`,
    `chosen` result, `busy` seconds, `broken` (see poll.py), `log` level and text, `mistake` traceback; each with the
    link's number in front.
    """

    def __init__(self, number: int, settings: dict[str, Any], connect: Callable[[str], None], send: Send) -> None:
        super().__init__(name=f'ams port {settings["ams_port"]}', daemon=True)
        self.number = number
        self._settings = settings
        self._connect = connect
        self._send = send
        self._jobs: queue.Queue[Job | None] = queue.Queue(MOST_JOBS)
        self._timeouts = 0
        self._is_over = self._is_lost = False

    def ask(self, method: str, params: dict[str, Any], answer: Answer, refuse: Answer) -> None:
        """Have something done between two polls; refused when too much waits already."""
        try:
            self._jobs.put_nowait((method, params, answer, refuse))
        except queue.Full:
            refuse({'code': 0, 'message': 'too many requests wait already'})

    def end(self) -> None:
        """Close the AMS port and end the thread, after what it is doing now."""
        self._is_over = True
        try:
            self._jobs.put_nowait(None)
        except queue.Full:
            pass  # it wakes up anyway

    # the thread

    def run(self) -> None:
        opening = self._jobs.get()
        if opening is None:
            return
        port: AmsPort | None = None
        try:
            self._connect(self._settings['ams_net_id'])
            port = AmsPort(self._settings['ams_net_id'], self._settings['ams_port'], request_timeout(self._settings))
            self._serve(port, opening)
        except AdsError as error:
            opening[3]({'code': error.code, 'message': str(error), 'data': self._look_around(error.code)})
        finally:
            self._is_over = True
            library.INBOX.pop(self.number, None)
            if port is not None:
                port.close()
            self._refuse_the_rest()

    def _serve(self, port: AmsPort, opening: Job) -> None:
        _method, _params, answer, refuse = opening
        session = Session(port, self.number, self._settings, self._send)
        began = time.monotonic()
        try:
            session.check_state()
            took = (time.monotonic() - began) * 1000
            name, version = self._name_of(port)
        except NotRunning as error:
            refuse({'code': 0, 'message': str(error), 'data': {'state': error.state}})
            return
        answer({'name': name, 'version': version, 'ms': took})
        try:
            self._live(session)
            if not self._is_lost:
                session.close()
        except AdsError:
            pass  # the PLC is gone, and what it kept for us with it
        except Exception:  # the thread's boundary: a mistake ends the link, and the app opens it anew
            self._send(['mistake', self.number, traceback.format_exc()])
            self._lose('internal', 0)

    def _name_of(self, port: AmsPort) -> tuple[str, str]:
        try:
            return port.read_info()
        except AdsError as error:
            if error.code in (DEAD, NO_ANSWER):
                raise
            return '', ''

    def _look_around(self, code: int) -> dict[str, Any]:
        """Where the runtime's port does not exist, the system service knows whether the PLC is in CONFIG."""
        if code != NO_SUCH_PORT:
            return {}
        try:
            service = AmsPort(self._settings['ams_net_id'], SYSTEM_SERVICE, LONGEST_TIMEOUT)
            try:
                return {'state': service.read_state()[0]}
            finally:
                service.close()
        except AdsError:
            return {}

    def _live(self, session: Session) -> None:
        while not self._is_over:
            try:
                session.step(time.monotonic())
                self._timeouts = 0
                self._do_next(session)
            except AdsError as error:
                self._judge(session, error)
            except NotRunning as error:
                self._lose('state', error.state)

    def _judge(self, session: Session, error: AdsError) -> None:
        """A timeout may happen once."""
        if error.code == NO_ANSWER:
            self._timeouts += 1
            self._send(['slow', self.number, self._timeouts])
            session.ask_again()
            if self._timeouts < MOST_TIMEOUTS:
                return
        state = self._look_around(error.code).get('state', RUN)
        if state == RUN:
            self._lose('ads', error.code, str(error))
        else:
            self._lose('state', state)

    def _lose(self, kind: str, value: int, text: str = '') -> None:
        self._is_over = self._is_lost = True
        self._send(['lost', self.number, kind, value, text])

    # jobs

    def _do_next(self, session: Session) -> None:
        """Wait for a job until something is due."""
        wait = session.due - time.monotonic()
        try:
            job = self._jobs.get(timeout=wait) if wait > 0 else self._jobs.get_nowait()
        except queue.Empty:
            return
        if job is not None:
            self._do(session, *job)

    def _do(self, session: Session, method: str, params: dict[str, Any], answer: Answer, refuse: Answer) -> None:
        try:
            answer(session.do(method, params))
        except ValueRefused as error:
            refuse({'code': 422, 'message': str(error), 'data': {'template': error.template, 'values': error.values}})
        except UnknownSymbol as error:
            refuse({'code': 404, 'message': str(error)})
        except ReadOnly as error:
            refuse({'code': 403, 'message': str(error)})
        except AdsError as error:
            refuse({'code': error.code, 'message': str(error)})
            if error.is_dead:
                raise
        except Exception as error:
            refuse({'code': 0, 'message': f'{type(error).__name__}: {error}'})
            raise

    def _refuse_the_rest(self) -> None:
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None:
                job[3]({'code': DEAD, 'message': 'the link is closed'})
