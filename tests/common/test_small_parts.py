"""Identifiers, uploads, wake-up calls, rate limits, environment."""

from __future__ import annotations

import os
import pickle
import threading
import time
import uuid
from datetime import timedelta

import pytest
import redis
import time_machine
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.utils import timezone

from synth.common import ratelimit, uploads, wakeup
from synth.common.ids import new_id, parse_id
from synth.common.requests import client_address
from synth.conf.env import BadEnvironment, read
from synth.errors import AssentError, PayloadTooLarge, TooMany


def test_ids_are_version_7_and_grow_with_time():
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    assert first.version == second.version == 7
    assert first.variant == uuid.RFC_4122
    assert first < second
    assert len({new_id() for _ in range(2000)}) == 2000


def test_an_unreadable_id_is_an_unknown_one():
    assert parse_id("../../etc") is None
    assert parse_id(str(new_id())) is not None


def test_errors_survive_a_process_border():
    error = TooMany(
        "rate_limited", "Slow down.", measured=3, limit=2, retry_after_s=1.5, extra={"param": "x"}
    )
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is TooMany
    assert again.as_dict() == error.as_dict()
    assert again.http_status == 429


def test_errors_survive_a_row():
    error = TooMany("rate_limited", "Slow down.", measured=3, limit=2, extra={"param": "x"})
    again = AssentError.from_dict(error.as_dict(), http_status=429)
    assert again.as_dict() == error.as_dict()
    assert again.http_status == 429
    kept = {"code": "c", "message": "m", "http_status": 413, "retry_after_s": 2.0}
    again = AssentError.from_dict(kept, http_status=500)
    assert again.http_status == 413 and again.retry_after_s is None
    assert again.as_dict() == {"code": "c", "message": "m", "retry_after_s": 2.0}


def test_upload_is_hashed_bounded_and_unguessable():
    stored = uploads.store_upload(SimpleUploadedFile("../../evil.wav", b"abc"), limit_bytes=10)
    assert stored.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert "evil" not in stored.name
    with default_storage.open(stored.name) as file:
        assert file.read() == b"abc"
    uploads.delete(stored.name)
    uploads.delete(stored.name)
    assert not default_storage.exists(stored.name)


def test_too_large_and_empty_uploads_are_refused_and_nothing_is_stored():
    with pytest.raises(PayloadTooLarge) as large:
        uploads.store_upload(SimpleUploadedFile("a", b"x" * 11), limit_bytes=10)
    assert (large.value.measured, large.value.limit) == (11, 10)
    assert "FLAC, MP3 or Opus" in large.value.message
    with pytest.raises(AssentError) as empty:
        uploads.store_upload(SimpleUploadedFile("a", b""), limit_bytes=10)
    assert empty.value.code == "empty_upload"
    assert not default_storage.exists(uploads.FOLDER)


def test_sweep_takes_only_the_old():
    old = default_storage.save(f"{uploads.FOLDER}/old", ContentFile(b"1"))
    young = default_storage.save(f"{uploads.FOLDER}/young", ContentFile(b"1"))
    then = (timezone.now() - timedelta(minutes=11)).timestamp()
    os.utime(default_storage.path(old), (then, then))
    assert uploads.sweep() == 1
    assert default_storage.exists(young)
    assert not default_storage.exists(old)


def test_a_waiting_request_is_woken():
    subject = str(new_id())
    woken = []
    waiter = threading.Thread(target=lambda: woken.append(wakeup.wait("test", subject, timeout_s=10)))
    waiter.start()
    time.sleep(0.1)
    wakeup.notify("test", subject)
    waiter.join(timeout=5)
    assert woken == [True]


def test_a_call_before_the_wait_is_not_lost():
    subject = str(new_id())
    wakeup.notify("test", subject)
    assert wakeup.wait("test", subject, timeout_s=5)
    assert not wakeup.wait("test", str(new_id()), timeout_s=0.1)


def test_rate_limit_counts_per_subject():
    subject = str(new_id())
    for _ in range(3):
        ratelimit.check(action="test", subject=subject, rate="3/day")
    with pytest.raises(TooMany) as refused:
        ratelimit.check(action="test", subject=subject, rate="3/day")
    assert (refused.value.measured, refused.value.limit) == (4, 3)
    assert 86_000 < refused.value.retry_after_s <= 86_400
    ratelimit.check(action="test", subject=str(new_id()), rate="3/day")
    ratelimit.check(action="other", subject=subject, rate="3/day")


def test_a_rate_limit_takes_as_many_as_are_left_and_counts_no_refusal():
    subject = str(new_id())
    with pytest.raises(TooMany) as refused:
        ratelimit.check(action="test", subject=subject, rate="3/day", times=4)
    assert refused.value.measured == 4
    ratelimit.check(action="test", subject=subject, rate="3/day", times=3)
    with pytest.raises(TooMany):
        ratelimit.check(action="test", subject=subject, rate="3/day")


def test_a_rate_limit_has_no_border_at_which_twice_the_rate_passes():
    # Late in one minute and early in the next: two windows of a clock, one minute all the same.
    with time_machine.travel(1_800_000_059, tick=False):
        subject = str(new_id())
        ratelimit.check(action="test", subject=subject, rate="3/minute", times=3)
    with time_machine.travel(1_800_000_061, tick=False), pytest.raises(TooMany) as refused:
        ratelimit.check(action="test", subject=subject, rate="3/minute")
    assert refused.value.retry_after_s == pytest.approx(58)
    with time_machine.travel(1_800_000_120, tick=False):
        ratelimit.check(action="test", subject=subject, rate="3/minute", times=3)


def test_without_its_store_a_rate_limit_lets_pass(monkeypatch, caplog):
    nobody = redis.Redis(unix_socket_path="/nonexistent/valkey.sock")
    monkeypatch.setattr(ratelimit, "client", lambda: nobody)
    for _ in range(3):
        ratelimit.check(action="test", subject="anybody", rate="1/day")
    assert caplog.messages == ["rate limit for test was not counted"] * 3


def test_environment_is_typed():
    assert read("ASSENT_DEBUG", {"ASSENT_DEBUG": "yes"}) is True
    assert read("ASSENT_SPEECH_QUEUE_LIMIT", {}) == 200
    with pytest.raises(BadEnvironment, match="ASSENT_SPEECH_QUEUE_LIMIT"):
        read("ASSENT_SPEECH_QUEUE_LIMIT", {"ASSENT_SPEECH_QUEUE_LIMIT": "many"})
    counts = {"": 0, "no": 0, "1": 1, "true": 1, "2": 2}
    assert {raw: read("ASSENT_TRUST_PROXY", {"ASSENT_TRUST_PROXY": raw}) for raw in counts} == counts
    with pytest.raises(BadEnvironment, match="below zero"):
        read("ASSENT_TRUST_PROXY", {"ASSENT_TRUST_PROXY": "-1"})
    with pytest.raises(KeyError):
        read("NOT_IN_THE_TABLE", {})


@pytest.mark.parametrize(
    ("headers", "proxied", "address"),
    [
        ({"REMOTE_ADDR": "203.0.113.9"}, 0, "203.0.113.9"),
        ({"REMOTE_ADDR": "::ffff:203.0.113.9"}, 0, "203.0.113.9"),
        ({"REMOTE_ADDR": "2001:db8:1:2:3:4:5:6"}, 0, "2001:db8:1:2::/64"),
        ({"REMOTE_ADDR": "2001:db8:1:2:ffff::1"}, 0, "2001:db8:1:2::/64"),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "10.9.9.9"}, 0, "203.0.113.9"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.2.3.4, 203.0.113.9"}, 1, "203.0.113.9"),
        ({"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "nonsense"}, 1, "nonsense"),
        # behind a CDN and a proxy of ours: each visitor has an own share, and a forged first entry is nobody's
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.7, 198.51.100.1"}, 2, "203.0.113.7"),
        (
            {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1,203.0.113.7, 198.51.100.1"},
            2,
            "203.0.113.7",
        ),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.7"}, 2, "203.0.113.7"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": " , "}, 2, "10.0.0.1"),
    ],
)
def test_nobody_gets_a_rate_limit_of_their_own_per_header_or_per_address_of_one_network(
    settings, headers, proxied, address
):
    settings.ASSENT_TRUST_PROXY = proxied
    assert client_address(RequestFactory().get("/", **headers)) == address
