"""One request: what a receiver gets, and what of its answers is not followed, read or waited for."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from synth.webhooks import sending
from synth.webhooks.sending import Outcome


def post(url: str, **more) -> Outcome:
    return sending.post(url, body=b'{"a":1}', headers={"webhook-id": "msg_1"}, anywhere=True, **more)


def test_what_arrives(receiver):
    assert post(receiver.url) == Outcome(204)
    headers, body = receiver.got[0]
    assert body == b'{"a":1}' and headers["webhook-id"] == "msg_1"
    assert headers["host"] == receiver.url.split("/")[2] and headers["connection"] == "close"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(receiver, status):
    receiver.answers = [(status, {"Location": receiver.url})]
    assert post(receiver.url) == Outcome(status, "redirect")
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Outcome(200)),
        (404, {}, Outcome(404, "status")),
        (410, {}, Outcome(410, "gone")),
        (503, {"Retry-After": "120"}, Outcome(503, "status", 120.0)),
        (429, {"Retry-After": "soon"}, Outcome(429, "status")),
    ],
)
def test_answers(receiver, status, headers, outcome):
    receiver.answers = [(status, headers)]
    assert post(receiver.url) == outcome


def hear(connection: socket.socket) -> None:
    """Read the whole request: who closes with some of it unread resets the connection."""
    heard = b""
    while not heard.endswith(b'{"a":1}'):
        heard += connection.recv(4096)


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server for one connection, at this port."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(20)

    def run() -> None:
        try:
            connection, _ = listening.accept()
            with connection:
                talk(connection)
        except OSError:
            pass

    thread = threading.Thread(target=run)
    thread.start()
    yield listening.getsockname()[1]
    listening.close()
    thread.join(20)


def test_an_answer_that_drips_is_cut():
    def drip(connection: socket.socket) -> None:
        hear(connection)
        while True:
            connection.sendall(b"H")
            time.sleep(0.05)

    begun = time.monotonic()
    with server(drip) as port:
        assert post(f"http://127.0.0.1:{port}/", timeout_s=0.5).error == "timeout"
    assert time.monotonic() - begun < 10


def test_a_handshake_that_never_comes_is_cut():
    with server(lambda connection: time.sleep(2)) as port:
        assert post(f"https://127.0.0.1:{port}/", timeout_s=0.5).error == "timeout"


def test_of_an_endless_answer_little_is_read():
    sent = []

    def flood(connection: socket.socket) -> None:
        hear(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))
            sent.append(65536)

    with server(flood) as port:
        assert post(f"http://127.0.0.1:{port}/") == Outcome(200)
    assert sum(sent) < 16 * 2**20  # what the kernel's buffers took


def test_nonsense_and_nobody():
    with server(lambda connection: connection.sendall(b"hello\r\n\r\n")) as port:
        assert post(f"http://127.0.0.1:{port}/").error == "connection_failed"
    assert post(f"http://127.0.0.1:{port}/").error == "connection_failed"


def certificate(folder: Path, name: str) -> Path:
    """A certificate for ``name`` and its key, in one file; nobody has signed it but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize(("name", "outcome"), [("hooks.example", Outcome(200)), ("other.example", None)])
def test_the_certificate_is_held_to_the_name_and_not_to_the_address(tmp_path, monkeypatch, name, outcome):
    pem = certificate(tmp_path, name)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    asked = []
    serving.sni_callback = lambda _sock, server_name, _context: asked.append(server_name)
    trusting = ssl.create_default_context(cafile=str(pem))
    monkeypatch.setattr(sending.ssl, "create_default_context", lambda: trusting)
    monkeypatch.setattr(sending.addresses, "resolve", lambda host, port, anywhere: ["127.0.0.1"])

    def talk(connection: socket.socket) -> None:
        with serving.wrap_socket(connection, server_side=True) as tls:
            hear(tls)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(talk) as port:
        assert post(f"https://hooks.example:{port}/") == (outcome or Outcome(error="tls_failed"))
    assert asked == ["hooks.example"]


def test_a_certificate_that_nobody_trusts(tmp_path):
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate(tmp_path, "localhost"))

    def talk(connection: socket.socket) -> None:
        serving.wrap_socket(connection, server_side=True)

    with server(talk) as port:
        assert post(f"https://localhost:{port}/").error == "tls_failed"
