"""What stands for what is hidden, and which names of keys say that their values have to be."""
import re
from functools import lru_cache

SECRET, USER, HOST, ADDRESS, MAC = '[secret]', '[user]', '[host]', '[address]', '[mac]'

_SECRET_PARTS = frozenset((
    'password', 'passwd', 'pwd', 'passwort', 'kennwort', 'passphrase', 'pass', 'secret', 'secrets', 'token',
    'tokens', 'key', 'apikey', 'authorization', 'auth', 'cookie', 'cookies', 'pin', 'dsn', 'psk', 'credential',
    'credentials', 'bindkey', 'session', 'sessionid', 'jwt', 'otp', 'csrf', 'xsrf', 'nonce', 'signature', 'query',
    'querystring',
))  # fmt: skip
_SECRET_ANYWHERE = ('password', 'passwd', 'passwort', 'kennwort', 'passphrase', 'secret', 'token', 'apikey', 'bindkey',
                    'authkey', 'accesskey', 'privatekey', 'credential', 'authorization', 'sessionid', 'cookie',
                    'querystring')  # fmt: skip
_USER_PARTS = frozenset((
    'user', 'username', 'login', 'benutzer', 'benutzername', 'email', 'mail', 'account',
))  # fmt: skip
_HOST_PARTS = frozenset((
    'host', 'hostname', 'nodename', 'domain', 'ssid',
))  # fmt: skip
_HOST_ANYWHERE = ('hostname', 'servername')
_ADDRESS_PARTS = frozenset((
    'address', 'addr', 'ip', 'ipaddress', 'netid',
))  # fmt: skip
_MAC_PARTS = frozenset((
    'mac', 'bssid',
))  # fmt: skip
_NAME_PART = re.compile(r'[A-Z]?[a-z]+|[A-Z]+(?![a-z])')


@lru_cache(maxsize=2000)
def mark_for_key(name: str) -> str | None:
    """What stands for the value of a key of that name: api_key, apiKey, API-KEY; None for a harmless name."""
    parts = {part.lower() for part in _NAME_PART.findall(name[:100])}
    joined = re.sub('[^a-z]', '', name[:100].lower())
    if parts & _SECRET_PARTS or any(word in joined for word in _SECRET_ANYWHERE):
        return SECRET
    if parts & _USER_PARTS or 'username' in joined:
        return USER
    if parts & _HOST_PARTS or any(word in joined for word in _HOST_ANYWHERE):
        return HOST
    if parts & _MAC_PARTS:
        return MAC
    return ADDRESS if parts & _ADDRESS_PARTS else None
