"""Signatures of Standard Webhooks 1.0.0: known ones, what they are over, and secrets that overlap."""

from __future__ import annotations

import base64

import pytest

from synth.webhooks import signing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = {
    "message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "timestamp_s": 1614265330,
    "body": b'{"test": 2432232314}',
}
KNOWN = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
"""As the reference libraries' own tests have it."""


def test_the_known_signature():
    assert signing.sign(SECRET, **MESSAGE) == KNOWN


@pytest.mark.parametrize(
    "change", [{"message_id": "msg_other"}, {"timestamp_s": 1614265331}, {"body": b"{}"}]
)
def test_all_three_parts_are_signed(change):
    assert signing.sign(SECRET, **{**MESSAGE, **change}) != KNOWN


def test_secrets_are_of_the_scheme_and_each_its_own():
    made = {signing.new_secret() for _ in range(20)}
    assert len(made) == 20
    for secret in made:
        assert secret.startswith("whsec_")
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64


def test_while_a_secret_is_replaced_both_sign():
    other = signing.new_secret()
    headers = signing.headers(other, SECRET, **MESSAGE)
    assert headers["webhook-signature"].split(" ") == [signing.sign(other, **MESSAGE), KNOWN]
    assert headers["webhook-id"] == MESSAGE["message_id"] and headers["webhook-timestamp"] == "1614265330"
