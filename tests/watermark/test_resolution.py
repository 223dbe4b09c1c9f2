"""A file that lost its metadata finds its Content Credentials by its mark, at the addresses that C2PA names."""

from __future__ import annotations

import base64
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from audit.services import record
from synth.conf.checks import credentials_are_there
from synth.errors import Unavailable
from synth.local.keys import retire_certificates
from synth.provenance.names import KEYED_MARK_ALGORITHM
from tests import factories
from watermark import credentials, services
from watermark.models import Mark

pytestmark = pytest.mark.django_db
STORE = b"a manifest store"


def reserved() -> Mark:
    owner = factories.owner_principal()
    consent = factories.consented_voice(owner).consents.get()
    return services.reserve_mark(
        organisation=owner.organisation, consent=consent, engine_name="test", engine_version="1",
        is_preview=True, layers=["keyed"],
    )  # fmt: skip


def issue(mark: Mark, manifest: bytes | None) -> Mark:
    from audit.actors import SYSTEM

    with transaction.atomic():
        entry = record(event="synthesis.completed", actor=SYSTEM, data={"output_sha256": "1" * 64})
        return services.issue_mark(
            mark=mark, entry=entry, file_sha256="1" * 64, duration_ms=1, fingerprint=b"-", reference=b"-",
            layers=["keyed"],
            manifest=manifest,  # type: ignore[arg-type]
        )  # fmt: skip


@pytest.fixture
def mark() -> Mark:
    return issue(reserved(), STORE)


def matches(client, value: str, alg: str = KEYED_MARK_ALGORITHM):
    return client.get("/matches/byBinding", {"alg": alg, "value": value})


def test_the_algorithm_is_named(client):
    assert client.get("/services/supportedAlgorithms").json() == {
        "watermarks": [{"alg": KEYED_MARK_ALGORITHM}],
        "fingerprints": [],
    }


def test_a_binding_leads_to_its_manifest(client, mark):
    encoded = base64.b64encode(str(mark.public_id).encode()).decode()
    for value in (encoded, encoded.rstrip("="), str(mark.public_id)):
        found = matches(client, value).json()["matches"]
        assert found == [{"manifestId": str(mark.public_id), "similarityScore": 100}]
    for address in (f"/manifests/{mark.public_id}", f"/api/v1/records/{mark.public_id}/manifest"):
        answer = client.get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/c2pa")
        assert answer.content == STORE


@pytest.mark.parametrize("value", ["", "no id", "////", base64.b64encode(b"\xff\xfe").decode(), "x" * 5000])
def test_what_names_no_record_matches_nothing(client, mark, value):
    assert matches(client, value).json() == {"matches": []}


@pytest.mark.provokes("binding_not_supported")
def test_another_algorithm_is_refused(client):
    answer = matches(client, "x", alg="com.example.other")
    assert answer.status_code == 400
    assert answer.json()["code"] == "binding_not_supported"
    assert answer.json()["limit"] == KEYED_MARK_ALGORITHM


@pytest.mark.provokes("manifest_not_found")
def test_only_released_files_have_a_manifest(client):
    waiting = reserved()
    for record_id in (waiting.public_id, uuid4()):
        assert matches(client, str(record_id)).json() == {"matches": []}
        answer = client.get(f"/manifests/{record_id}")
        assert answer.status_code == 404
        assert client.get(f"/api/v1/records/{record_id}/manifest").json()["code"] == "manifest_not_found"


def test_the_database_releases_nothing_without_credentials():
    mark = reserved()
    with pytest.raises(DatabaseError, match="only with its credentials"):
        issue(mark, None)


# -- who signs --


@pytest.fixture
def folders(tmp_path, settings) -> Path:
    settings.ASSENT_DATA_DIR = tmp_path
    settings.ASSENT_KEYS_DIR = tmp_path / "keys"
    settings.ASSENT_KEYS_DIR.mkdir()
    (tmp_path / "keys" / credentials.KEY_FILE).write_text("5a" * 32 + "\n")
    return tmp_path


def test_the_certificates_are_made_once_and_are_the_anchors(folders):
    assert credentials.anchors() == ""
    first = credentials.authority()
    second = credentials.authority()
    assert first.root_pem == second.root_pem
    assert first.root_pem in credentials.anchors()


def test_without_its_key_nothing_is_signed(folders):
    (folders / "keys" / credentials.KEY_FILE).unlink()
    with pytest.raises(Unavailable) as error:
        credentials.authority()
    assert error.value.code == "credentials_key_missing"


def test_a_configured_chain_signs_in_place_of_ours(folders, settings):
    from cryptography.hazmat.primitives import serialization

    own = credentials.authority()
    key = own.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folders / "ca.key").write_bytes(key)
    (folders / "ca.pem").write_text(own.chain_pem + own.root_pem)
    settings.ASSENT_CREDENTIALS_KEY = str(folders / "ca.key")
    settings.ASSENT_CREDENTIALS_CHAIN = str(folders / "ca.pem")
    settings.ASSENT_TIMESTAMP_URL = "https://stamp.example.org"
    configured = credentials.authority()
    assert (configured.root_pem, configured.timestamp_url) == (own.root_pem, "https://stamp.example.org")
    settings.ASSENT_CREDENTIALS_CHAIN = str(folders / "missing.pem")
    with pytest.raises(Unavailable):
        credentials.authority()


def test_after_a_lost_key_new_certificates_sign_and_the_old_stay_known(folders):
    before = credentials.authority()
    key = folders / "keys" / credentials.KEY_FILE
    key.write_text("6b" * 32)
    with pytest.raises(Unavailable):
        credentials.authority()  # never signed with certificates of another key
    retire_certificates(folders, credentials.KEY_FILE)
    after = credentials.authority()
    assert after.root_pem != before.root_pem
    assert before.root_pem in credentials.anchors() and after.root_pem in credentials.anchors()


def test_a_configured_file_that_is_missing_stops_the_start(folders, settings):
    assert credentials_are_there(None) == []
    settings.ASSENT_CREDENTIALS_KEY = str(folders / "missing.key")
    settings.ASSENT_CREDENTIALS_TRUST = str(folders / "missing.pem")
    assert [found.id for found in credentials_are_there(None)] == [
        "assent.E002",
        "assent.E002",
        "assent.E003",
    ]
