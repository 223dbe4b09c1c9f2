"""HTTPS without a proxy: the web process with a certificate of its own, and the supervisor that waits for it."""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import os
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from synth.local import cli, programs, up
from tests.local.helpers import ROOT, wait_for


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A self-signed certificate for this machine's own names: paths of certificate and key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture
def web(certificate: tuple[str, str], tmp_path: Path):
    """The web process over TLS on a free port, and what watches for its first answer."""
    listener = up.listen("127.0.0.1", 18443)
    options = up.Options(tls=certificate)
    greeting = up.Greeting(listener, options, up.base_url(listener, options), {}, [], time.monotonic())
    assert greeting.address == f"https://localhost:{listener.getsockname()[1]}"
    assert not greeting._answers(), "nothing answers yet, and asking does not wait"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")},
        "ASSENT_BASE_URL": greeting.address,
        "ASSENT_DATA_DIR": str(tmp_path),
        "ASSENT_LISTEN": "127.0.0.1",
    }
    process = subprocess.Popen(
        programs.web_command(fd=listener.fileno(), tls=certificate),
        env=environment, cwd=ROOT, pass_fds=[listener.fileno()],
    )  # fmt: skip
    yield greeting
    process.terminate()
    process.wait(30)
    listener.close()


def test_the_web_process_speaks_https(web: up.Greeting, certificate: tuple[str, str]) -> None:
    wait_for(web._answers, timeout_s=60)
    port = web.listener.getsockname()[1]
    trusted = ssl.create_default_context(cafile=certificate[0])
    connection = http.client.HTTPSConnection("localhost", port, context=trusted, timeout=30)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b'{"status": "ok"}')
    # Not for localhost: browsers would force every other service on this machine to HTTPS.
    assert answer.headers.get("strict-transport-security") is None

    connection.request("GET", "/", headers={"Host": "evil.example"})
    assert connection.getresponse().status == 400
    connection.close()

    plain = http.client.HTTPConnection("localhost", port, timeout=10)
    plain.request("GET", "/healthz")
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.getresponse()


@pytest.mark.parametrize("given", ["", "cert.pem", "cert.pem,missing.pem", ","])
def test_a_certificate_is_two_files_that_exist(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli._parser().parse_args(["up", "--tls", given])
    assert "two existing PEM files" in capsys.readouterr().err


def test_a_given_database_and_broker_start_nothing_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    class Asked(Exception):
        pass

    def services(data_dir: Path, *, postgres: bool, valkey: bool) -> None:
        asked.update(postgres=postgres, valkey=valkey)
        raise Asked

    monkeypatch.setattr(up, "LocalServices", services)
    monkeypatch.setattr(up, "prepare_data_dir", lambda folder: None)
    monkeypatch.setattr(up.keys, "ensure_keys", lambda folder, data_dir, **_: [])
    monkeypatch.setattr(up.known, "keys_of_database", dict)
    monkeypatch.setattr(up.bootstrap, "fetch_models", lambda folder: None)
    monkeypatch.setattr(up.signal, "signal", lambda *_: None)
    for database, broker in (("postgresql://x/y", "redis://z"), ("postgresql://x/y", ""), ("", "")):
        monkeypatch.setenv("DATABASE_URL", database)
        monkeypatch.setenv("REDIS_URL", broker)
        with pytest.raises(Asked):
            up.up(up.Options())
        assert asked == {"postgres": not database, "valkey": not broker}
