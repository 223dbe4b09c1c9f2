"""Receipts: canonical, signed, chained, checkable by anybody with the public key."""

from __future__ import annotations

import base64
import copy
import hashlib
import json

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.test import Client

from accounts import receipts, services
from accounts.models import Consent
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


def test_the_public_check_is_limited_per_address(monkeypatch):
    monkeypatch.setattr("accounts.api.RECEIPT_CHECKS", "2/day")
    answers = [Client().post(VERIFY, "{}", "application/json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert int(answers[-1]["retry-after"]) > 0
