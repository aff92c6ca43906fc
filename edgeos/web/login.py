"""The login page, and the question for a new password on the command line."""

import getpass
import html
import math
import secrets
from collections.abc import Callable
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from edgeos import NAME
from edgeos.web.access import Access, SecretRefused, TooManyAttempts, WrongSecret, hash_password
from edgeos.web.guard import COOKIE, AccessGuard, session_id_of, session_key_of

__all__ = [
    'AccessGuard',
    'LoginPages',
    'add_pages',
    'local_path',
    'preferred_language',
    'prompt_password',
    'session_id_of',
    'session_key_of',
]

COOKIE_LASTS = 400 * 86_400  # s, the most that browsers keep; the server ends a session 30 days after its last use
FORM_LIMIT = 8192  # bytes


def local_path(target: str) -> str:
    """Where to go after the login: the target if it is a path of this server, else the start page.

    Browsers read a backslash as a slash and drop control characters, so either could turn a path into another host.
    """
    is_local = target.startswith('/') and not target.startswith('//') and len(target) <= 2000
    if not is_local or '\\' in target or any(ord(char) <= 0x20 or ord(char) == 0x7F for char in target):
        return '/'
    if target.partition('?')[0] in ('/login', '/logout'):
        return '/'
    return quote(target, safe="/?#[]@!$&'()*+,;=:%~")


_WORDS = {
    'en': {
        'title': 'Log in',
        'password': 'Password',
        'show': 'Show',
        'hide': 'Hide',
        'button': 'Log in',
        'wrong': 'The password is wrong.',
        'many': 'Too many attempts.',
        'wait': 'You can try again in {seconds} s.',
        'again': 'You can try again now.',
        'forgotten': 'Forgotten? Run {command} on the device.',
    },
    'de': {
        'title': 'Anmelden',
        'password': 'Passwort',
        'show': 'Zeigen',
        'hide': 'Verbergen',
        'button': 'Anmelden',
        'wrong': 'Das Passwort ist falsch.',
        'many': 'Zu viele Versuche.',
        'wait': 'Der nächste Versuch geht in {seconds} s.',
        'again': 'Der nächste Versuch geht jetzt.',
        'forgotten': 'Vergessen? Auf dem Gerät {command} ausführen.',
    },
}

_PAGE = Template("""<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title · $name</title>
<link rel="icon" href="data:,">
<style nonce="$nonce">$style</style>
</head>
<body>
<main>
<div class="brand"><div class="logo" aria-hidden="true">E</div><div><h1>$title</h1>$name</div></div>
<form method="post" action="/login" id="form">
<input type="hidden" name="next" value="$next">
<input type="text" name="username" value="owner" autocomplete="username" hidden>
<label for="password">$password</label>
<div class="field">
<input id="password" name="password" type="password" autocomplete="current-password" autocapitalize="none"
 spellcheck="false" required autofocus$invalid>
<button type="button" id="show" aria-pressed="false" aria-controls="password"
 data-show="$show" data-hide="$hide" hidden>$show</button>
</div>
$error
<button type="submit" id="submit">$button</button>
</form>
<p class="hint">$forgotten</p>
</main>
<script nonce="$nonce">$script</script>
</body>
</html>
""")

# Works without: the button to see what was typed, and the seconds counted down while the form waits.
_SCRIPT = """
const [form, field, show, error, submit] =
  ['form', 'password', 'show', 'error', 'submit'].map((id) => document.getElementById(id));
show.hidden = false;
show.onclick = () => {
  const visible = field.type === 'password';
  field.type = visible ? 'text' : 'password';
  show.textContent = visible ? show.dataset.hide : show.dataset.show;
  show.setAttribute('aria-pressed', visible);
  field.focus();
};
if (error && error.dataset.seconds > 0) {
  const end = Date.now() + error.dataset.seconds * 1000;
  submit.setAttribute('aria-disabled', 'true');
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    error.querySelector('.wait').textContent =
      left > 0 ? error.dataset.wait.replace('{seconds}', left) : error.dataset.again;
    if (left > 0) return setTimeout(tick, 250);
    submit.removeAttribute('aria-disabled');
  };
  tick();
}
form.onsubmit = () => submit.getAttribute('aria-disabled') !== 'true';
"""


def preferred_language(accept: str, chosen: str) -> str:
    """The page's language: the one chosen in the settings, or with `auto` the browser's favourite of ours."""
    if chosen in _WORDS:
        return chosen
    wishes = []
    for position, entry in enumerate(accept.split(',')):
        tag, _, weight = entry.strip().lower().partition(';q=')
        language = tag.partition('-')[0].strip()
        try:
            rank = -float(weight or 1)
        except ValueError:
            continue
        if language in _WORDS:
            wishes.append((rank, position, language))
    return min(wishes)[2] if wishes else 'en'


class LoginPages:
    """`/login` and `/logout`; plain HTML, since nothing else may be fetched before the login."""

    def __init__(self, access: Access, language: Callable[[], str], style: str) -> None:
        self._access = access
        self._language = language
        self._style = style

    async def show(self, request: Request) -> Response:
        """The form, or straight on for who needs none."""
        target = local_path(request.query_params.get('next', '/'))
        if not self._access.is_needed or self._access.admit(session_id_of(request), None):
            return RedirectResponse(target, 303)
        wait = self._access.gate.wait(address_of(request))
        return self._page(request, target, 'many' if wait else '', wait)

    async def log_in(self, request: Request) -> Response:
        """Takes the form; what is wrong is said beside the field."""
        form = await read_form(request)
        if form is None:
            return PlainTextResponse('The form is too large.', 413)
        target = local_path(form.get('next', '/'))
        if not self._access.is_needed:
            return RedirectResponse(target, 303)
        address = address_of(request)
        try:
            session_id = await self._access.log_in(address, form.get('password', ''), session_id_of(request))
        except TooManyAttempts as refusal:
            return self._page(request, target, 'many', refusal.wait, status=429)
        except WrongSecret:
            return self._page(request, target, 'wrong', self._access.gate.wait(address), status=401)
        response = RedirectResponse(target, 303, {'Cache-Control': 'no-store'})
        set_session(request, response, session_id, COOKIE_LASTS)
        return response

    async def log_out(self, request: Request) -> Response:
        """Ends the session and shows the form again."""
        session_id = session_id_of(request)
        if session_id:
            await self._access.log_out(session_id)
        response = RedirectResponse('/login', 303)
        set_session(request, response, '', 0)
        return response

    def _page(self, request: Request, target: str, problem: str, wait: float, status: int = 200) -> HTMLResponse:
        language = preferred_language(request.headers.get('accept-language', ''), self._language())
        nonce = secrets.token_urlsafe(16)
        seconds = math.ceil(wait)
        headers = {'Cache-Control': 'no-store', 'Content-Security-Policy': _policy(nonce)}
        if status == 429:
            headers['Retry-After'] = str(seconds)
        return HTMLResponse(render(language, nonce, self._style, target, problem, seconds), status, headers)


def render(language: str, nonce: str, style: str, target: str, problem: str, seconds: int) -> str:
    """The page's HTML; `problem` is a key of the words, `seconds` > 0 starts a countdown."""
    words = _WORDS[language]
    wait = words['wait'].replace('{seconds}', str(seconds)) if seconds else ''
    error = (
        f'<p class="error" id="error" role="alert" data-seconds="{seconds}" data-wait="{words["wait"]}" '
        f'data-again="{words["again"]}">{words.get(problem, "")} <span class="wait">{wait}</span></p>'
    )
    return _PAGE.substitute(
        {key: words[key] for key in ('title', 'password', 'show', 'hide', 'button')},
        language=language,
        name=NAME,
        nonce=nonce,
        style=style,
        script=_SCRIPT,
        next=html.escape(target),
        error=error if problem else '',
        invalid=' aria-invalid="true" aria-describedby="error"' if problem else '',
        forgotten=words['forgotten'].replace('{command}', '<code>main.py --set-password</code>'),
    )


def add_pages(app: FastAPI, access: Access, language: Callable[[], str]) -> None:
    """Put the login pages into an app, before routes and mounts that catch everything.

    `language` is the setting (`auto`, `en`, `de`), asked for each page.
    """
    style = (Path(__file__).parents[2] / 'assets' / 'login.css').read_text(encoding='utf-8')
    pages = LoginPages(access, language, style)
    app.router.routes[:0] = [
        Route('/login', pages.show, methods=['GET']),
        Route('/login', pages.log_in, methods=['POST']),
        Route('/logout', pages.log_out, methods=['POST']),
    ]


def prompt_password(read: Callable[[str], str] = getpass.getpass) -> str:
    """Asks twice for a new password, three times at most, and returns its hash. Raises SecretRefused."""
    reason = ''
    for _ in range(3):
        try:
            password = read(f'{reason}New password: ')
            hashed = hash_password(password)
            if read('The same again: ') == password:
                return hashed
            reason = 'The two passwords differ. '
        except SecretRefused as refusal:
            reason = f'{refusal} '
        except EOFError as end:
            raise SecretRefused('No password was typed.') from end
    raise SecretRefused(reason.strip())


def _policy(nonce: str) -> str:
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def address_of(request: Request) -> str:
    """Whose attempts are counted together."""
    return request.client.host if request.client else ''


def set_session(request: Request, response: Response, value: str, seconds: int) -> None:
    """Lax, not Strict, so that a link on another page or in a mail opens for who is logged in.

    No GET changes anything, and the OriginGuard refuses what other sites send otherwise.
    """
    response.set_cookie(
        COOKIE, value, seconds, path='/', secure=request.url.scheme == 'https', httponly=True, samesite='lax'
    )


async def read_form(request: Request) -> dict[str, str] | None:
    """The fields of a plain form; None when it is larger than any login."""
    body = b''
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            return None
    fields = parse_qs(body.decode('latin-1'), keep_blank_values=True, errors='replace')
    return {name: values[-1] for name, values in fields.items()}
