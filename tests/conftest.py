"""What holds for all tests and the processes they start, whoever runs them and how.

A run never reports to the Sentry server of its user. Signals that a shell has ignored (nohup, &) work again.
"""
import os
import signal

import hypothesis

from edgeos import reporting

hypothesis.settings.register_profile('same every time', derandomize=True, deadline=None)
hypothesis.settings.load_profile('same every time')

for number, handler in ((signal.SIGINT, signal.default_int_handler), (getattr(signal, 'SIGHUP', 0), signal.SIG_DFL)):
    if number and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

for name in ('SENTRY_DSN', 'ENVIRONMENT'):
    os.environ.pop(name, None)
reporting._is_settled = True  # no reporter comes by itself with the first error, also where a `.env` names a server
