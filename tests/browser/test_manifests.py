"""The verdict page, by what a file's Content Credentials are worth: ours, changed, cut, signed by another, foreign."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from synth.provenance import certificates, credentials

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.timeout(900)]
ANSWERED_WITHIN_MS = 240_000
C2PA = Path(__file__).resolve().parents[1] / "data" / "c2pa"

# A file of ours, and the claim that it was signed with: one that another signs has everything but our key.
SEED = """
import os
os.environ["NO_TORCH_COMPILE"] = "1"
import base64, io
from django.utils import timezone
from synth.audio.encode import encode
from tests.worker.registry import Registry
from synth.provenance import credentials
from watermark.credentials import authority
registry = Registry()
one = registry.release("slt", length_s=6.0)
claim = credentials.Claim(
    record_id=one.id, producer="Assent", version="0", engine="preview", engine_version="1",
    created_at=timezone.now(), log_origin="example.org/log", consent_sha256="ab" * 32,
)
signed, _ = credentials.sign(one.data, "wav", claim, authority())
answer = {"id": one.id, "plain": base64.b64encode(one.data).decode(), "signed": base64.b64encode(signed).decode()}
"""


@pytest.fixture(scope="module")
def files(service) -> dict[str, bytes]:
    """By the name of what was done to it, one file."""
    made = service.python(SEED)
    plain, signed = (base64.b64decode(made[name]) for name in ("plain", "signed"))
    changed = bytearray(signed)
    changed[len(plain) // 2] ^= 1
    secret = bytes(range(1, 33))
    stranger = certificates.own_authority(
        secret, certificates.make_certificates(secret, organisation="Example Speech")
    )
    claim = credentials.Claim(
        record_id=made["id"], producer="Assent", version="0", engine="preview", engine_version="1",
        created_at=datetime(2026, 11, 30, 12, tzinfo=UTC), log_origin="example.org/log", consent_sha256="ab" * 32,
    )  # fmt: skip
    return {
        "signed": signed,
        "tampered": bytes(changed),
        "truncated": signed[: len(signed) * 3 // 4],
        "re-signed": credentials.sign(plain, "wav", claim, stranger)[0],
        "foreign": (C2PA / "recorded.wav").read_bytes(),
    }


@pytest.mark.parametrize(
    ("name", "states", "is_flagged"),
    [
        ("signed", {"trusted"}, False),
        ("tampered", {"altered"}, True),
        ("truncated", {"altered", "invalid", "unchecked", None}, False),
        ("re-signed", {"valid"}, False),
        ("foreign", {"altered", "invalid", "valid"}, False),
    ],
)
def test_each_manifest_is_called_what_it_is_worth(
    visitor, service, files, tmp_path, name, states, is_flagged
):
    file = tmp_path / f"{name}.wav"
    file.write_bytes(files[name])
    page: Any = visitor.page
    visitor.go("/verify")
    page.set_input_files("input[type=file]", file)
    page.wait_for_selector("[data-verdict], .verdict[data-kind=warn]", timeout=ANSWERED_WITHIN_MS)
    visitor.picture(f"manifest-{name}")
    said = (
        page.get_attribute("[data-manifest]", "data-manifest")
        if page.query_selector("[data-manifest]")
        else None
    )
    assert said in states, f"{name} is called {said}"
    flagged = page.query_selector("[data-contradictions]")
    if is_flagged:
        assert flagged is not None
    if name == "re-signed":
        assert "Example Speech" in page.inner_text("[data-manifest]")
    visitor.check()
