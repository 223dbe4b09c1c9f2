"""Debian's nginx in front, as docs/deployment says: over TLS, on an address of its own and below a path."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.e2e.conftest import Seeded
from tests.service import ROOT, free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(NGINX is None, reason="nginx is not installed here")]
PASSWORD = "long-enough-1"  # of the people that factories make
MAIN = """
daemon off; pid {folder}/nginx.pid; error_log stderr; user {user} {group};
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {inside}
}}
"""


def configuration(kind: str, folder: Path, port: int, backend: int) -> str:
    """The file of the documentation with this test's names and ports."""
    text = (ROOT / "docs" / "deployment" / kind).read_text()
    if kind == "nginx-path.conf":
        head = f"server {{ listen 443 ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
        text = f"{head}\n{text}\n}}"
    text = re.sub(r"ssl_certificate +[^;]+", f"ssl_certificate {folder}/cert.pem", text)
    text = re.sub(r"ssl_certificate_key +[^;]+", f"ssl_certificate_key {folder}/key.pem", text)
    text = re.sub(r"listen \[::\]:(80|443)[^;]*;", "", text)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl").replace(
        "assent.example.org", "localhost"
    )
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{backend}")
    # As root its workers would be nobody, who may not enter the folder for what is too large for memory.
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    return MAIN.format(folder=folder, user=user, group=group, inside=text)


@pytest.fixture(params=["nginx.conf", "nginx-path.conf"])
def address(request: pytest.FixtureRequest, seeded: Seeded, tmp_path: Path) -> Iterator[str]:
    """A second web process of the running installation, known by the proxy's address, and the proxy."""
    port, backend = free_port(), free_port()
    base_url = f"https://localhost:{port}" + ("/assent" if request.param == "nginx-path.conf" else "")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "nginx.conf").write_text(configuration(request.param, tmp_path, port, backend))
    environment = {**seeded.service.environment, "ASSENT_BASE_URL": base_url, "ASSENT_TRUST_PROXY": "1"}
    assert NGINX is not None
    with (tmp_path / "out").open("wb") as out:
        programs = [
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
            for command in (
                [sys.executable, "manage.py", "web", "--port", str(backend)],
                [NGINX, "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
            )
        ]
        try:
            wait_for(f"{base_url}/readyz", tmp_path / "out")
            yield base_url
        finally:
            for program in programs:
                program.terminate()
                program.wait(timeout=30)


def wait_for(url: str, out: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, verify=False, timeout=10).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.3)
    raise AssertionError(out.read_text(errors="replace")[-3000:])


def sign_in(client: httpx.Client, email: str) -> httpx.Response:
    page = client.get("accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token, page.text[:500]
    form = {"csrfmiddlewaretoken": token[1], "login": email, "password": PASSWORD}
    return client.post("accounts/login/", data=form, headers={"Referer": str(page.url)})


def test_signing_in_speaking_uploading_and_verifying_through_the_proxy(seeded: Seeded, address: str) -> None:
    key = {"Authorization": f"Bearer {seeded.key}"}
    with httpx.Client(base_url=f"{address}/", verify=False, timeout=120, follow_redirects=True) as client:
        inside = sign_in(client, seeded.email)
        assert inside.status_code == 200 and "Northwind Studio" in inside.text
        assert all(cookie.secure for cookie in client.cookies.jar)
        # every link, form and file of the page stays below the address
        prefix = httpx.URL(address).path.rstrip("/") + "/"
        links = re.findall(r'(?:href|action|src)="(/[^"]*)"', inside.text)
        assert links and all(link.startswith(prefix) for link in links), [
            x for x in links if not x.startswith(prefix)
        ]
        style = next(link for link in links if ".css" in link)
        assert client.get(address.removesuffix(prefix.rstrip("/")) + style).status_code == 200
        spoken = client.post(
            "v1/audio/speech", headers=key,
            json={"model": "assent", "voice": seeded.slug, "input": "Through the proxy.", "response_format": "wav"},
        )  # fmt: skip
        assert spoken.status_code == 200, spoken.text
    # A check of a file needs no account.
    with httpx.Client(base_url=f"{address}/", verify=False, timeout=120) as anyone:
        large = anyone.post("api/v1/verify", files={"file": ("noise.wav", os.urandom(20_000_000))})
        assert large.status_code < 500 and large.status_code != 413, (
            "the proxy lets it through; the service says"
        )
        assert large.headers["content-type"].startswith("application/")
        answer = anyone.post("api/v1/verify", files={"file": ("spoken.wav", spoken.content)})
        assert answer.json()["report"]["verdict"] == "issued"
        assert address.startswith("https://localhost") and "strict-transport-security" not in answer.headers
