"""What looks like a secret, a name or an address, whoever's it is.

Every repetition in a pattern is bounded and no two of them can share characters, so that the time grows with the text
and not with its malice.
"""
import ipaddress
import re

from edgeos.reporting.capture import OWN
from edgeos.reporting.marks import ADDRESS, HOST, MAC, SECRET, USER

# values of such keys in texts

_NAMES = (r'(?i:passw(?:or)?d|passwort|kennwort|passphrase|passwd|pwd(?![a-z])|(?<!\[)secret|token|api[_-]?key|'
          r'bind[_-]?key|'
          r'authorization|cookie|credential|session[_-]?id|(?<![a-z])(?:pass|key|auth|pin|dsn|psk|jwt|otp)(?![a-z]))|'
          r'(?<=[a-z])(?:Key|Pin|Pass|Auth|Dsn)(?![a-z])')  # fmt: skip
_LINK = (r'(?:[\w.-]{0,40}\\{0,7}["\']?\]?[^\S\n]{0,4}(?::=|=>|->|[=:>])[^\S\n]{0,4}'
         r'|[\w.-]{0,40}(?:%5[Cc])?(?:%22)?(?:%3[ADad])(?:%5[Cc])?(?:%22)?)')  # fmt: skip
_QUOTED = r'(?P<q>(?:\\{1,7}["\']){3}|\\{0,7}(?:"""|\'\'\'|["\']))(?:(?!(?<!\\)(?P=q))[\s\S]){0,4000}(?:(?P=q))?'
_BRACKETS = r'[\[({][^\])}]{0,4000}[\])}]?'
_PLAIN = r'(?:(?i:bearer|basic|digest|token)[ \t]{1,3})?[^\s,;&"\'<>)\]}|]{1,1000}'
_WRAPPER = r'(?:[A-Za-z_]\w{0,30}\()?(?:[bBrRuUfF]{1,2}(?=["\']))?'
_VALUE = rf'{_WRAPPER}(?:{_QUOTED}|{_BRACKETS}|{_PLAIN})'
_KEYED = re.compile(rf'(?P<head>(?:{_NAMES})(?![\w.-]{{0,60}}(?:Error|Exception|Warning)\b){_LINK}){_VALUE}')
_KEYED_HINT = re.compile(r'(?i:pass|pwd|secret|token|key|auth|cookie|cred|kennwort|session|pin|dsn|psk|jwt|otp)')
_SAID = re.compile(r'(?P<head>(?i:\b(?:password|passwort|kennwort|passphrase|pin|secret|token|api key)[ \t]{1,3}'
                   r'(?:is|was|ist|war|lautete?)[ \t:]{1,3}))'
                   rf'(?:{_QUOTED}|(?=[^\s]{{0,60}}[0-9])[^\s"\',;]{{4,200}})')  # a word without a digit is no password
_OPTION = re.compile(r'(?P<head>(?<![\w-])--?[\w-]{0,30}(?:password|passwd|token|secret|key|pin)[ \t]{1,3})' + _VALUE)
_COOKIE = re.compile(r'(?P<head>(?i:(?:set-)?cookie|authorization)["\']?[ \t]{0,3}[:=][ \t]{0,3})'
                     r'[^\s"\'{}\[][^\r\n"\'{}]{0,4000}')  # fmt: skip
_USERS = re.compile(r'(?P<head>(?i:(?<![a-z\[])(?:user(?:[_-]?name)?|login|benutzer(?:name)?|e?mail)(?![a-z]))'
                    rf'{_LINK}){_VALUE}')  # fmt: skip
_NAMED = re.compile(r'(?P<head>(?i:\b(?:user(?:[ _-]?name)?|login|account|benutzer(?:name)?)[ \t]{1,3}))'
                    r'(?P<q>\\{0,7}["\'])[^"\'\\\n]{1,64}(?P=q)')  # fmt: skip
_HOSTS = re.compile(r'(?P<head>(?i:(?<![a-z\[])(?:host(?:name)?|server(?:_name)?|ssid)(?![a-z]))'
                    rf'{_LINK})(?P<value>{_VALUE})')  # fmt: skip

# what is secret wherever it stands

_TOKENS = re.compile(
    r'(?P<head>(?i:\bbearer[ \t]{1,3}))[^\s"\'<>,;()\[\]{}]{3,4000}'
    r'|(?P<basic>(?i:\b(?:basic|digest|apikey)[ \t]{1,3}))(?=[^\s]{0,400}[0-9=])[A-Za-z0-9+/._~=-]{6,4000}'
    r'|\beyJ[\w-]{8,1000}\.[\w-]{4,4000}(?:\.[\w-]{0,4000})?'
    r'|\b(?:[spr]k[-_](?:live|test|proj)?[-_]?|gh[pousr]_|github_pat_|glpat-|xox[abpr]-|AKIA|edge_)[\w-]{12,400}'
    r'|\$(?:argon2|2[aby]\$|[156]\$)[^\s"\'<>]{8,400}'
    r'|(?<![0-9A-Za-z])(?P<hex>[0-9a-fA-F]{32,4000})(?![0-9A-Za-z])')  # fmt: skip
_RANDOM = re.compile(r'[A-Za-z0-9_-]{32,4000}')
_PEM_BEGIN, _PEM_END = '-----BEGIN ', '-----END '
_PEM_CLOSE = 60  # characters after the last line's beginning
_MOST_PEM = 20_000

# URLs, people, addresses

_URL = re.compile(r'(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}:(?:\\?/){1,2})(?P<rest>[^\s"\'<>`{}|\\^]{1,4000})')
_WHO = re.compile(r'(:(?:\\?/){1,2})[^\s"\'<>]{1,200}@')
_QUERY = re.compile(r'\?[A-Za-z0-9_.%~\[\]-]{1,64}=[^\s"\'<>]{0,4000}')
_MAIL = re.compile(r'[^\s@<>"\'(),;:\[\]{}=/\\]{1,64}@'
                   r'(?![0-9]{1,6}(?:\.[0-9]{1,6}){1,2}(?![0-9.]))[^\s@<>"\'(),;:\[\]{}=/\\]{1,255}')
_MAC = re.compile(r'(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}(?P<s>[:_-])[0-9A-Fa-f]{2}(?:(?P=s)[0-9A-Fa-f]{2}){4}'
                  r'(?:(?P=s)[0-9A-Fa-f]{2}){0,2}|[0-9A-Fa-f]{2}(?:%3[Aa][0-9A-Fa-f]{2}){5}'
                  r'|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}'
                  r'|(?<![0-9A-Fa-f]{4}-)(?=[0-9]{0,11}[A-Fa-f])[0-9A-Fa-f]{12})'
                  r'(?![0-9A-Za-z])|(?<=_)(?:[0-9A-F]{2}_){5}[0-9A-F]{2}(?![0-9A-Za-z])')  # fmt: skip
_IPV4 = re.compile(r'(?<![0-9])(?<![0-9]\.)([0-9]{1,3})([._-])([0-9]{1,3})\2([0-9]{1,3})\2([0-9]{1,3})'
                   r'((?:\.[0-9]{1,3}){0,2})(?![0-9])')  # fmt: skip
_IPV6 = re.compile(r'(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:\.[0-9]{1,3}){0,3}'
                   r'(?:%[\w.-]{1,32})?(?![0-9A-Za-z:])')  # fmt: skip
_LOCAL = re.compile(r'(?i:(?<![\w.-])(?:[\w-]{1,63}\.){1,6}(?:local|lan|home\.arpa|home|internal|intern|localdomain|'
                    r'fritz\.box|speedport\.ip)(?![\w-])|(?<![\w.-])(?:fritz\.box|speedport\.ip)(?![\w-]))')
_NO_HOSTS = frozenset(('threading', '_thread', 'self', 'cls', 'werkzeug', 'asgiref', 'app', *OWN))  # threading.local
_VERSION = re.compile(r'(?i:\bv|\bversion["\']?[ :=]{0,3}["\']?|\brelease[ :=]{0,3}|[=~<>!]=[ ]?)$')
_HOME = re.compile(r'(?P<head>(?:(?:[\\/]|%2[Ff]|%5[Cc])(?:home|Users|Benutzer|media)|Documents and Settings)'
                   r'(?:[\\/]{1,4}|%2[Ff]|%5[Cc]))[^\\/\s"\'<>|:,;()\[\]{}%]{1,64}'
                   r'(?:(?: [^\\/\s"\'<>|:,;()\[\]{}%]{1,64}){1,3}(?=[\\/]))?')  # fmt: skip

_LOOPBACK = re.compile(r'(?i:localhost|127(?:\.[0-9]{1,3}){3}|\[?::1\]?|0\.0\.0\.0|::)(?::[0-9]{1,5})?')


def hide_secrets(text: str) -> str:
    """Keys, tokens, passwords, credentials in URLs."""
    if ':/' in text or ':\\/' in text:  # one slash where a path was made of it
        text = _URL.sub(_credentials, _WHO.sub(rf'\1{SECRET}@', text))
    if '?' in text:
        text = _QUERY.sub(f'?{SECRET}', text)
    if _KEYED_HINT.search(text):
        text = _COOKIE.sub(rf'\g<head>{SECRET}', text)
        text = _KEYED.sub(rf'\g<head>{SECRET}', text)
        text = _OPTION.sub(rf'\g<head>{SECRET}', text)
        text = _SAID.sub(rf'\g<head>{SECRET}', text)
    text = _TOKENS.sub(_token, text)
    return _RANDOM.sub(_random, text)


def hide_people_and_places(text: str) -> str:
    """Names of users, addresses and names of machines."""
    if '@' in text:
        text = _MAIL.sub(USER, text)
    if ':/' in text or ':\\/' in text:
        text = _URL.sub(_single_host, text)
    if '=' in text or ':' in text or '%3' in text:
        text = _USERS.sub(rf'\g<head>{USER}', text)
        text = _HOSTS.sub(_host, text)
        text = _IPV6.sub(_ipv6, _MAC.sub(MAC, text)) if ':' in text else _MAC.sub(MAC, text)
    else:
        text = _MAC.sub(MAC, text)
    if "'" in text or '"' in text:
        text = _NAMED.sub(rf'\g<head>{USER}', text)
    text = _IPV4.sub(_ipv4, text)
    if '.' in text:
        text = _LOCAL.sub(_local, text)
    return _HOME.sub(rf'\g<head>{USER}', text)


def hide_pem(text: str) -> str:
    """Whole blocks; one without an end takes much of what follows with it."""
    pieces, start, begin = [], 0, text.find(_PEM_BEGIN)
    while begin >= 0:
        pieces += [text[start:begin], SECRET]
        end = text.find(_PEM_END, begin, begin + _MOST_PEM)
        close = -1 if end < 0 else text.find('-----', end + len(_PEM_END), end + _PEM_CLOSE)
        start = begin + _MOST_PEM if close < 0 else close + 5
        begin = text.find(_PEM_BEGIN, start)
    return ''.join([*pieces, text[start:]])


def _credentials(match: re.Match[str]) -> str:
    """Who is let in, and what is asked for: mqtt://user:word@host/path?query#fragment."""
    rest = match['rest']
    _, at, rest = rest.rpartition('@')
    asked = re.search('[?#]', rest)
    path = rest[:asked.start()] + asked[0] + SECRET if asked else rest
    return f'{match["scheme"]}{SECRET + at if at else ""}{path}'


def _single_host(match: re.Match[str]) -> str:
    """A name without a dot is one of the owner's network."""
    rest = match['rest']
    who, at, place = rest.rpartition('@')
    host = re.split('[/:?#]', place, maxsplit=1)[0]
    if not host or '.' in host or '[' in host or host == 'localhost':
        return match[0]
    return f'{match["scheme"]}{who}{at}{HOST}{place[len(host):]}'


def _local(match: re.Match[str]) -> str:
    return match[0] if match[0].partition('.')[0] in _NO_HOSTS else HOST


def _host(match: re.Match[str]) -> str:
    return match[0] if is_loopback(match['value'].strip('\\"\'')) else match['head'] + HOST


def _token(match: re.Match[str]) -> str:
    if match['hex'] and len(set(match['hex'])) < 6:
        return match[0]
    return f'{match["head"] or match["basic"] or ""}{SECRET}'


def _random(match: re.Match[str]) -> str:
    """What no word is: many digits, small and capital letters in one run."""
    run = match[0]
    digits, capitals = sum(c.isdigit() for c in run), sum(c.isupper() for c in run)
    return SECRET if digits >= 3 and capitals >= 3 and len(run) - digits - capitals >= 3 else run


def _ipv4(match: re.Match[str]) -> str:
    numbers = [int(match[place]) for place in (1, 3, 4, 5)]
    if max(numbers) > 255:
        return match[0]
    is_number = match[2] != '.' or _VERSION.search(match.string, max(0, match.start() - 20), match.start())
    if is_number and not ipaddress.IPv4Address(bytes(numbers)).is_private:
        return match[0]  # a date or a version
    return match[0] if numbers[0] in (0, 127) and match[6] == '' else ADDRESS


def _ipv6(match: re.Match[str]) -> str:
    try:
        address = ipaddress.IPv6Address(match[0].partition('%')[0])
    except ValueError:
        return match[0]
    if match[0].find(':') < 3 and address.ipv4_mapped is None:
        return match[0]  # a slice of Python; nobody has such an address
    return match[0] if address.is_loopback or address.is_unspecified else ADDRESS


def is_loopback(text: str) -> bool:
    """This machine itself, which says nothing about its network."""
    return _LOOPBACK.fullmatch(text) is not None
