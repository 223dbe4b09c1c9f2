"""Every operation of the schema, fed with generated input over HTTP: clear errors, never a 500."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.conftest import Seeded

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]


def test_no_operation_answers_500(seeded: Seeded, tmp_path):
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{seeded.url}/api/schema?format=json",
            "--header", f"Authorization: Bearer {seeded.key}",
            "--checks", "not_a_server_error",
            "--max-examples", "12", "--seed", "7", "--request-timeout", "60", "--workers", "2",
            "--phases", "examples,coverage,fuzzing", "--generation-database", "none",
            # These two wait for speech to be made, and would wait for every generated text.
            "--exclude-operation-id", "openai_speech",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_the_schema_is_complete(seeded: Seeded):
    import httpx2 as httpx

    schema = httpx.get(f"{seeded.url}/api/schema", params={"format": "json"}, timeout=30).json()
    for path in ("/api/v1/jobs", "/api/v1/verify", "/v1/audio/speech", "/v1/audio/voices", "/api/v1/voices"):
        assert path in schema["paths"], path
