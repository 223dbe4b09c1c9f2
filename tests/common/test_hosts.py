"""Which names the service answers to, and what it tells browsers to remember of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from synth.conf.settings.security import allowed_hosts

ROOT = Path(__file__).resolve().parents[2]
OWN = {"localhost", "127.0.0.1", "[::1]"}


@pytest.mark.parametrize(
    ("base", "listen", "own_names"),
    [
        ("voice.example.org", "0.0.0.0", False),
        ("voice.example.org", "::", False),
        ("voice.example.org", "192.0.2.7", False),
        ("voice.example.org", "127.0.0.1", True),
        ("voice.example.org", "::1", True),
        ("voice.example.org", "", True),
        ("localhost", "0.0.0.0", True),
    ],
)
def test_this_machines_own_names_are_answered_where_nobody_else_reaches_them(base, listen, own_names):
    hosts = allowed_hosts(base, "other.example.org, third.example.org", listen)
    assert {base, "other.example.org", "third.example.org"} <= set(hosts)
    assert (set(hosts) & OWN == OWN) is own_names
    assert "" not in hosts and "*" not in hosts


def test_a_supervisor_may_ask_by_any_name_and_nobody_else(settings):
    settings.ALLOWED_HOSTS = ["voice.example.org"]
    client = Client(headers={"host": "10.1.2.3:8000"})
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/accounts/login/").status_code == 400


@pytest.mark.parametrize(
    ("base", "secure", "seconds"),
    [
        ("http://localhost:8000", False, 0),
        ("https://localhost:8000", True, 0),
        ("https://127.0.0.1:8000", True, 0),
        ("https://192.0.2.7", True, 0),
        ("https://voice.example.org", True, 31536000),
    ],
)
def test_https_is_remembered_for_names_of_ones_own_only(base, secure, seconds, tmp_path):
    code = (
        "import json; from synth.conf.settings import security as s;"
        " print(json.dumps([s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS]))"
    )
    environment = {"ASSENT_BASE_URL": base, "ASSENT_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [secure, secure, seconds]
