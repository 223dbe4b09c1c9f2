"""Receipts: canonical, signed, chained, checkable by anybody with the public key."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import json
from pathlib import Path

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import call_command
from django.test import Client

from accounts.consent import receipt_keys, receipts, services
from accounts.consent.models import Consent
from audit.models import Entry
from synth.errors import Unavailable
from tests.accounts.conftest import answered, gate, report

pytestmark = pytest.mark.django_db
VERIFY = "/api/v1/receipts/verify"


@pytest.fixture
def consent(speaking):
    return Consent.objects.get(voice=speaking)


def verify(receipt, signature):
    answer = Client().post(
        VERIFY, json.dumps({"receipt": receipt, "signature": signature}), "application/json"
    )
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_stranger_with_the_public_key_can_check_it(consent):
    published = Client().get("/api/v1/receipts/key").json()
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(published["public_key"]))
    data = rfc8785.dumps(json.loads(json.dumps(consent.receipt)))
    key.verify(base64.b64decode(consent.receipt_signature), data)
    assert hashlib.sha256(data).hexdigest() == consent.receipt_sha256
    assert consent.receipt["signing_key_id"] == published["key_id"]
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(consent.receipt_signature), data + b" ")


def test_a_receipt_stays_genuine_when_the_key_is_replaced(consent, settings, tmp_path):
    keys = tmp_path / "rotated"
    keys.mkdir(mode=0o700)
    present = Path(settings.ASSENT_KEYS_DIR) / "receipt-signing.key"
    (keys / "receipt-signing.key").write_text(present.read_text())
    settings.ASSENT_KEYS_DIR = keys
    old = receipt_keys.current()
    call_command("receipt_key", "rotate", stdout=io.StringIO())
    call_command("receipt_key", "rotate", stdout=io.StringIO())
    assert len({old, receipt_keys.current(), *receipt_keys.retired()}) == 4

    found = verify(consent.receipt, consent.receipt_signature)
    assert (found["valid"], found["state"], found["key_id"]) == (True, "live", old.key_id)
    published = Client().get("/api/v1/receipts/key").json()
    assert published["key_id"] == receipt_keys.current().key_id and published["retired_at"] == ""
    assert [key["key_id"] for key in published["earlier"]][-1] == old.key_id
    assert published["earlier"][-1]["public_key"] == old.public_key

    forged = receipts.sign({**consent.receipt, "signing_key_id": receipt_keys.current().key_id})
    assert receipts.signature_is_valid(forged.receipt, forged.signature)
    claimed_old = {**forged.receipt, "signing_key_id": old.key_id}
    assert not receipts.signature_is_valid(claimed_old, receipts.sign(claimed_old).signature)
    assert not verify({**consent.receipt, "signing_key_id": "0" * 16}, consent.receipt_signature)["valid"]

    assert (keys / "receipt-signing.key").stat().st_mode & 0o777 == 0o600
    assert present.read_text() not in (keys / "receipt-verifying.keys").read_text()
    rotations = [entry.content["data"] for entry in Entry.objects.filter(event="key.rotated").order_by("id")]
    rotations = [data for data in rotations if data["kind"] == "receipt"]
    assert [data["previous_key_id"] for data in rotations] == [
        key["key_id"] for key in reversed(published["earlier"])
    ]


def test_a_damaged_key_ring_is_said(settings, tmp_path):
    present = Path(settings.ASSENT_KEYS_DIR) / "receipt-signing.key"
    (tmp_path / "receipt-signing.key").write_text(present.read_text())
    settings.ASSENT_KEYS_DIR = tmp_path
    receipt_keys.rotate()
    ring = tmp_path / "receipt-verifying.keys"
    ring.write_text(ring.read_text().replace(ring.read_text()[:4], "0000", 1))
    with pytest.raises(Unavailable):
        receipt_keys.retired()


def paths(value, path=()):
    """Every leaf of the receipt."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))
    else:
        yield path


def test_changing_any_one_value_breaks_it(consent):
    for path in list(paths(consent.receipt)):
        forged = copy.deepcopy(consent.receipt)
        inner = forged
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = "forged"
        assert not receipts.signature_is_valid(forged, consent.receipt_signature), path
    forged = {**consent.receipt, "extra": 1}
    assert not receipts.signature_is_valid(forged, consent.receipt_signature)


def test_the_receipt_says_what_was_permitted_by_whom(consent, speaking, owner):
    receipt = consent.receipt
    assert receipt["scope"] == consent.scope
    assert receipt["controller"]["name"] == owner.organisation.name
    assert receipt["subject"] == {"id": str(owner.user.pk), "voice_id": str(speaking.pk)}
    assert receipt["previous_receipt_hash"] is None
    assert {g["name"] for g in receipt["checks"]["gates"]} >= {"statement", "own_mark", "replay"}
    assert owner.user.email not in json.dumps(receipt)


def test_fractions_stand_as_text_so_that_every_reader_agrees(owner, voice):
    submission = answered(owner, voice)
    odd = {**gate("snr", "pass"), "measured": 0.1 + 0.2, "limit": [1e-9, float("inf")]}
    services.apply_consent_gates(submission_id=submission.pk, result=report(odd))
    consent = Consent.objects.get(voice=voice)
    (snr,) = [g for g in consent.receipt["checks"]["gates"] if g["name"] == "snr"]
    assert (snr["measured"], snr["limit"]) == ("0.3", ["1e-09", None])
    assert receipts.signature_is_valid(consent.receipt, consent.receipt_signature)


def test_the_public_check_tells_genuine_from_live(owner, speaking, consent):
    answer = verify(consent.receipt, consent.receipt_signature)
    assert (answer["valid"], answer["state"], answer["revoked_at"]) == (True, "live", None)
    services.suspend(principal=owner, voice_id=speaking.pk)
    assert verify(consent.receipt, consent.receipt_signature)["state"] == "suspended"
    services.revoke(principal=owner, voice_id=speaking.pk)
    answer = verify(consent.receipt, consent.receipt_signature)
    assert (answer["valid"], answer["state"]) == (True, "revoked")
    assert answer["revoked_at"]


def test_a_forged_receipt_learns_nothing(consent):
    forged = {**consent.receipt, "valid_until": "2099-01-01T00:00:00Z"}
    answer = verify(forged, consent.receipt_signature)
    assert (answer["valid"], answer["state"], answer["revoked_at"]) == (False, "unknown", None)
    answer = verify(consent.receipt, base64.b64encode(bytes(64)).decode())
    assert (answer["valid"], answer["state"]) == (False, "unknown")


@pytest.mark.parametrize(
    "body",
    [
        "{}", "[]", "null", '{"receipt": 1, "signature": "x"}', '{"receipt": {}, "signature": 5e999}',
        '{"receipt": {"a": 1e400}, "signature": "x"}',
        '{"receipt": {"a": 123456789012345678901234567890}, "signature": "x"}',
        '{"receipt": {"\\ud800": 1}, "signature": "\\ud800"}', '{"receipt": {"a": NaN}, "signature": "ä"}',
        '{"receipt": ' + '{"a":' * 500 + "1" + "}" * 500 + ', "signature": "x"}', "not json", "",
        '{"receipt": {"a": "\\u0000"}, "signature": "\\u0000"}',
    ],
)  # fmt: skip
def test_nonsense_gets_an_answer_and_no_crash(body):
    answer = Client(raise_request_exception=False).post(VERIFY, body, "application/json")
    assert answer.status_code in {200, 400}, answer.content
    if answer.status_code == 200:
        assert answer.json()["valid"] is False


@pytest.mark.provokes("rate_limited")
def test_the_public_check_is_limited_per_address(monkeypatch):
    monkeypatch.setattr("accounts.consent.api.RECEIPT_CHECKS", "2/day")
    answers = [Client().post(VERIFY, "{}", "application/json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert int(answers[-1]["retry-after"]) > 0
