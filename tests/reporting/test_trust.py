"""Servers with a certificate of their own."""
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgeos.reporting import log_error
from edgeos.reporting.post import NO_CA_FILE, NOT_TRUSTED
from tests.helpers import eventually_sync, patient
from tests.reporting.ingest import Ingest
from tests.reporting.reporters import caught, reporting

pytest.importorskip('cryptography')

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A private CA, made without the extensions that a strict check would want."""

    def __init__(self, folder: Path, name: str = 'House CA') -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / 'ca.pem'
        made = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=False)
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def server(self, host: str = 'localhost') -> Path:
        """Certificate and key in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address('127.0.0.1'))] if host == 'localhost' else [x509.DNSName(host)]
        made = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key).add_extension(x509.SubjectAlternativeName(names), critical=False)
        path = self.folder / f'{host}.pem'
        path.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
                         + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))  # fmt: skip
        return path

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1)))  # fmt: skip


def test_a_private_ca_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path / 'ca')
    with Ingest(certificate=authority.server()) as ingest, reporting(tmp_path, ingest.dsn, settings={'ca_file': str(authority.file)}) as reporter:
        log_error(caught())
        assert eventually_sync(lambda: ingest.events)
        assert reporter.trouble is None


@pytest.mark.parametrize('ca', ['none', 'another'])
def test_without_it_nothing_is_sent_and_the_trouble_says_what_to_do(tmp_path: Path, ca: str) -> None:
    authority, another = Authority(tmp_path / 'ca'), Authority(tmp_path / 'another', 'Another CA')
    settings = {} if ca == 'none' else {'ca_file': str(another.file)}
    with Ingest(certificate=authority.server()) as ingest, reporting(tmp_path, ingest.dsn, settings=settings) as reporter:
        log_error(caught())
        eventually_sync(lambda: reporter.trouble == NOT_TRUSTED and reporter.queue.waiting == 1)
        assert ingest.requests == []


def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path / 'ca')
    with Ingest(certificate=authority.server('elsewhere.example')) as ingest, reporting(tmp_path, ingest.dsn, settings={'ca_file': str(authority.file)}) as reporter:
        log_error(caught())
        eventually_sync(lambda: reporter.trouble == NOT_TRUSTED)
        assert ingest.requests == []


def test_a_ca_file_that_is_not_there_yet_is_read_when_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority = Authority(tmp_path / 'ca')
    late = tmp_path / 'late.pem'
    with Ingest(certificate=authority.server()) as ingest, reporting(tmp_path, ingest.dsn, settings={'ca_file': str(late)}) as reporter:
        log_error(caught())
        eventually_sync(lambda: reporter.trouble == NO_CA_FILE)
        late.write_text('not a certificate')
        eventually_sync(lambda: reporter.trouble == NO_CA_FILE)
        late.write_bytes(authority.file.read_bytes())
        eventually_sync(lambda: ingest.events and reporter.trouble is None)
    assert caplog.text.count(NO_CA_FILE) == 1


def test_a_server_that_speaks_no_tls_is_an_outage(tmp_path: Path) -> None:
    with Ingest() as ingest, reporting(tmp_path, ingest.dsn.replace('http://', 'https://')) as reporter:
        log_error(caught())
        eventually_sync(lambda: reporter.trouble and reporter.queue.waiting == 1)


def test_a_server_that_hangs_in_the_handshake_is_cut_off(tmp_path: Path) -> None:
    import socket
    import time

    with socket.create_server(('127.0.0.1', 0)) as server:
        dsn = f'https://key@127.0.0.1:{server.getsockname()[1]}/1'
        start = time.monotonic()
        with reporting(tmp_path, dsn, options={'first_pause': 60, 'most_pause': 60, 'timeout': 0.3}) as reporter:
            log_error(caught())
            eventually_sync(lambda: reporter.trouble)
            assert 0.25 < time.monotonic() - start < patient(5)


def test_without_a_ca_file_well_known_authorities_are_trusted() -> None:
    from edgeos.reporting.post import trust

    context = trust('')
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    assert context.cert_store_stats()['x509_ca'] > 50
