"""What goes wrong on the way to a broker, said for the owner."""
import socket
import ssl

from edgeos.connections.reach_failures import name_not_found, no_way
from edgeos.connections.state import ConnectionFailure


def failed_to_connect(error: BaseException, address: str, host: str, *, tls: bool = False) -> ConnectionFailure:
    """What an exception while connecting means to the owner."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return name_not_found(host)
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConnectionFailure('tls_failed', 'The certificate of {address} is not trusted: {why}.',
                                 'Choose the CA file that signed it, and use the name the certificate was made for.',
                                 cheap=False, address=address,
                                 why=(error.verify_message or str(error)).rstrip('.'))  # fmt: skip
    if isinstance(error, ssl.SSLError):
        return ConnectionFailure('tls_failed', '{address} did not complete the encrypted handshake: {why}.',
                                 'Check that this port speaks TLS (usually 8883), and the client certificate.',
                                 cheap=False, address=address, why=error.reason or error)  # fmt: skip
    if tls and isinstance(error, ConnectionResetError | BrokenPipeError):
        return ConnectionFailure('tls_failed', '{address} hung up during the encrypted handshake.',
                                 'Check that this port speaks TLS (usually 8883).', cheap=False, address=address)
    if isinstance(error, ConnectionRefusedError):
        return ConnectionFailure('refused', '{address} refused the connection.',
                                 'Check that the broker is running and listens on this port.', address=address)
    if isinstance(error, TimeoutError):
        return ConnectionFailure('timeout', '{address} did not answer.',
                                 'Check that the device is on, in this network, and not behind a firewall.',
                                 address=address)  # fmt: skip
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return ConnectionFailure('connection_lost', '{address} closed the connection at once.',
                                 'Check that a broker listens there, and whether it wants TLS.', address=address)
    if isinstance(error, OSError):
        return no_way(error, address)
    raise error
