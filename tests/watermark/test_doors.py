"""The doors of verification: who may ask how much, who waits for whom, and that no door is an oracle."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.people.services import create_key
from audit.actors import ANONYMOUS
from audit.models import Entry
from synth.common import uploads
from synth.errors import AssentError, TooMany, Unavailable
from tests import factories
from tests.portal.test_verdicts import report as answer_of
from watermark import issued_reports, services
from watermark.answers import percent_step, score_step
from watermark.limits import CALLER, LARGE_FROM_BYTES, STRANGER
from watermark.models import Verification
from watermark.reading.verdict import Verdict

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def owner():
    return factories.owner_principal()


@pytest.fixture
def key(owner) -> dict[str, str]:
    _, secret = create_key(principal=owner, name="tests", scopes=["speech:read"])
    return {"authorization": f"Bearer {secret}"}


def sound(name: str = "a.wav", size: int = 5) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"s" * size)


def ask(actor=ANONYMOUS, size: int = 5, organisation_id=None) -> Verification:
    return services.submit_verification(file=sound(size=size), actor=actor, organisation_id=organisation_id)


@pytest.mark.provokes("audio_too_long")
def test_what_says_itself_that_it_is_too_long_is_never_queued(client: Client, key):
    """35 minutes of silence of a stranger; and a file of a caller that declares four hours."""
    silence = SimpleUploadedFile("a.wav", factories.wav(np.zeros(301 * 8000), 8000))
    said = client.post("/api/v1/verify", {"file": silence}).json()
    assert (said["code"], said["measured"], said["limit"]) == ("audio_too_long", 301.0, 300.0)
    hours = factories.wav(np.zeros(8000), 8000)
    mp3 = (
        b"\xff\xfb\x14\xc4" + bytes(17) + b"Xing" + bytes(3) + b"\x01" + (600_000).to_bytes(4, "big") + hours
    )
    said = client.post("/api/v1/verify", {"file": SimpleUploadedFile("b.mp3", mp3)}, headers=key).json()
    assert said["code"] == "audio_too_long" and said["measured"] == 4 * 3600
    assert not Verification.objects.exists()


# ---- batches


@pytest.mark.provokes("verification.queried", "verification_cancelled")
def test_a_batch_is_many_queries_under_one_number(client: Client, owner, key):
    files = [sound("one.wav"), sound("two.wav", 9), sound("one.wav", 3)]
    made = client.post("/api/v1/verify/batches", {"files": files}, headers=key)
    assert made.status_code == 202, made.content
    batch = made.json()
    assert [item["file_name"] for item in batch["files"]] == ["one.wav", "two.wav", "one.wav"]
    assert (batch["counts"], batch["finished"]) == ({"queued": 3}, False)
    first = batch["files"][0]["id"]
    services.begin_verification(verification_id=first)
    services.complete_verification(verification_id=first, report=answer_of(Verdict.ISSUED))
    again = client.get(made["Location"], headers=key).json()
    assert again["counts"] == {"done": 1, "queued": 2}
    assert again["files"][0]["verdict"] == "issued"
    assert client.get(again["files"][0]["report_url"]).json()["report"]["verdict"] == "issued"
    listed = client.get("/api/v1/verify/batches", headers=key).json()
    assert [row["id"] for row in listed["data"]] == [batch["id"]]
    cancelled = client.post(f"{made['Location']}/cancel", headers=key).json()
    assert (cancelled["counts"], cancelled["finished"]) == ({"done": 1, "cancelled": 2}, True)
    assert Entry.objects.filter(event="verification.queried").count() == 3


@pytest.mark.provokes("batch_not_found")
def test_a_batch_needs_an_account_and_is_its_organisations_alone(client: Client, owner, key):
    assert client.post("/api/v1/verify/batches", {"files": [sound()]}).status_code == 401
    made = client.post("/api/v1/verify/batches", {"files": [sound()]}, headers=key)
    _, stranger = create_key(principal=factories.owner_principal(), name="other", scopes=["speech:read"])
    assert client.get(made["Location"], headers={"authorization": f"Bearer {stranger}"}).status_code == 404


@pytest.mark.provokes("checks_share_full", "too_many_files")
def test_a_batch_is_bounded_and_taken_whole_or_not_at_all(client: Client, owner, key, settings):
    many = client.post("/api/v1/verify/batches", {"files": [sound() for _ in range(21)]}, headers=key)
    assert (many.status_code, many.json()["code"], many.json()["limit"]) == (400, "too_many_files", 20)
    empty = client.post(
        "/api/v1/verify/batches", {"files": [sound(), SimpleUploadedFile("b", b"")]}, headers=key
    )
    assert empty.status_code == 400
    settings.ASSENT_CHECKS_QUEUE_LIMIT = 4
    full = client.post("/api/v1/verify/batches", {"files": [sound() for _ in range(3)]}, headers=key)
    assert (full.status_code, full.json()["code"]) == (429, "checks_share_full")
    assert not Verification.objects.exists()
    storage = uploads.default_storage
    assert not storage.exists(uploads.FOLDER) or storage.listdir(uploads.FOLDER)[1] == []


# ---- fair shares


def test_strangers_wait_for_strangers_and_for_nobody_else(owner):
    first, second = ask(), ask()
    assert services.begin_verification(verification_id=first.pk) is not None
    assert services.begin_verification(verification_id=second.pk) is None
    own = ask(owner.actor, organisation_id=owner.organisation.pk)
    large = ask(owner.actor, size=LARGE_FROM_BYTES, organisation_id=owner.organisation.pk)
    assert services.begin_verification(verification_id=own.pk) is not None
    assert services.begin_verification(verification_id=large.pk) is not None
    services.fail_verification(verification_id=first.pk, error=AssentError("unreadable_audio", "No."))
    assert services.begin_verification(verification_id=second.pk) is not None


def test_a_lane_whose_worker_died_is_free_again(owner):
    first, second = ask(), ask()
    services.begin_verification(verification_id=first.pk)
    Verification.objects.filter(pk=first.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert services.begin_verification(verification_id=second.pk) is not None


def test_the_end_of_a_query_wakes_the_next_of_its_lane(monkeypatch):
    woken: list[str] = []
    first, second = ask(), ask()
    monkeypatch.setattr(services.queries, "send_on_commit", lambda task, row: woken.append(str(row)))
    services.begin_verification(verification_id=first.pk)
    services.complete_verification(verification_id=first.pk, report=answer_of(Verdict.NO_WATERMARK))
    assert woken == [str(second.pk)]


def test_strangers_cannot_fill_the_queue_nor_can_one_organisation(settings, owner):
    settings.ASSENT_CHECKS_QUEUE_LIMIT = 8
    for _ in range(2):
        ask()
    with pytest.raises(Unavailable):
        ask()
    for _ in range(4):
        ask(owner.actor, organisation_id=owner.organisation.pk)
    with pytest.raises(TooMany) as own:
        ask(owner.actor, organisation_id=owner.organisation.pk)
    assert (own.value.code, own.value.measured, own.value.limit) == ("checks_share_full", 4, 4)
    other = factories.owner_principal()
    ask(other.actor, organisation_id=other.organisation.pk)


@pytest.mark.provokes("checks_busy")
def test_a_full_share_is_the_callers_own_affair_and_a_full_queue_is_not(client: Client, key, settings):
    """429 asks this caller to wait for its own files, 503 says that everybody waits; both say how long."""
    settings.ASSENT_CHECKS_QUEUE_LIMIT = 4
    for _ in range(2):
        assert client.post("/api/v1/verify/batches", {"files": [sound()]}, headers=key).status_code == 202
    own = client.post("/api/v1/verify", {"file": sound()}, headers=key)
    assert (own.status_code, own.json()["code"], own["Retry-After"]) == (429, "checks_share_full", "10")
    for _ in range(2):
        other = factories.owner_principal()
        ask(other.actor, organisation_id=other.organisation.pk)
    everybody = client.post("/api/v1/verify", {"file": sound()}, headers=key)
    assert (everybody.status_code, everybody.json()["code"]) == (503, "checks_busy")
    page = client.post("/verify", {"file": sound()})
    assert (everybody["Retry-After"], page.status_code, page["Retry-After"]) == ("10", 503, "10")


def test_an_hour_as_wav_is_refused_with_its_size_the_limit_and_the_way_out(client: Client, owner, key):
    hour = SimpleUploadedFile("hour.wav", b"x")
    hour.size = 3600 * 16_000 * 2 + 44
    with pytest.raises(AssentError) as refused:
        services.submit_verification(file=hour, actor=owner.actor, organisation_id=owner.organisation.pk)
    error = refused.value
    assert (error.code, error.http_status) == ("upload_too_large", 413)
    assert (error.measured, error.limit) == (hour.size, CALLER.upload_bytes)
    assert "64 MiB" in error.message and "FLAC, MP3 or Opus" in error.message
    # Long before: the page does not even begin to send it.
    shown = client.get("/verify").content.decode()
    assert 'data-limit-mib="24"' in shown and 'data-word="tooLarge"' in shown


def test_strangers_may_send_less(client: Client, key, monkeypatch):
    assert STRANGER.upload_bytes < CALLER.upload_bytes and STRANGER.duration_s * 10 <= CALLER.duration_s
    page = client.get("/verify").content.decode()
    assert "Up to 24 MiB and 5 minutes" in page
    big = SimpleUploadedFile("a.wav", b"x")
    big.size = STRANGER.upload_bytes + 1
    with pytest.raises(AssentError) as refused:
        services.submit_verification(file=big, actor=ANONYMOUS)
    assert refused.value.code == "upload_too_large"


# ---- cancelling


def test_whoever_holds_the_number_may_cancel(client: Client):
    row = ask()
    services.begin_verification(verification_id=row.pk)
    assert services.beat(verification_id=row.pk, progress=0.4, stage="searching")
    shown = client.get(f"/verify/{row.pk}").content.decode()
    assert "Searching for the mark" in shown and f"/verify/{row.pk}/cancel" in shown
    assert client.post(f"/verify/{row.pk}/cancel").status_code == 302
    assert not services.beat(verification_id=row.pk, progress=0.5), "the worker hears of it"
    assert "cancelled" in client.get(f"/verify/{row.pk}").content.decode()
    said = client.get(f"/api/v1/verifications/{row.pk}")
    assert (said.status_code, said.json()["state"], said.json()["report"]) == (200, "cancelled", None)
    again = client.post(f"/api/v1/verifications/{row.pk}/cancel")
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")
    assert client.post("/api/v1/verifications/01a204ea-0276-76d9-8790-cde2d3e6a832/cancel").status_code == 404
    assert Entry.objects.get(event="verification.queried").content["data"]["code"] == "verification_cancelled"


def test_what_waits_long_keeps_its_file():
    from watermark.selectors import waiting_uploads

    row = ask()
    assert waiting_uploads() == {row.upload_name}
    services.fail_verification(verification_id=row.pk, error=AssentError("unreadable_audio", "No."))
    assert waiting_uploads() == set()


# ---- no oracle

WORDS_OF_MARGINS = ("score", "presence_z", '_z"', "ber", "threshold_z", "content_percent", "confirmed")


@pytest.mark.parametrize("door", ["/verify/{}", "/api/v1/verifications/{}", "/verify/{}/report"])
def test_a_stranger_reads_no_margin_at_any_door(client: Client, door):
    row = ask()
    services.begin_verification(verification_id=row.pk)
    services.complete_verification(
        verification_id=row.pk, report={**answer_of(Verdict.TRANSPLANTED), "evidence": None, "lanes": []}
    )
    shown = client.get(door.format(row.pk)).content.decode()
    assert "transplanted" in shown or "Our mark on other sound" in shown
    assert "standard deviations" not in shown
    if door.startswith("/api"):
        assert json.loads(shown)["report"]["evidence"] is None
        assert not [word for word in WORDS_OF_MARGINS if word in shown]
    row.refresh_from_db()
    assert issued_reports.signed(row)["report"]["evidence"] is None


def test_scores_move_only_in_wide_steps():
    seen = {score_step(score / 100, 4.8) for score in range(-1000, 6000)}
    assert seen == {0, 4, 8, 12, 16, 20}
    assert score_step(4.79, 4.8) == 0 and score_step(1e9, 4.8) == 20
    assert score_step(float("nan"), 4.8) == 0 and score_step(float("-inf"), 4.8) == 0
    assert {percent_step(share / 1000) for share in range(1001)} == set(range(0, 101, 10))


# ---- presenting a report


@pytest.fixture
def report_file() -> dict:
    row = ask()
    services.begin_verification(verification_id=row.pk)
    services.complete_verification(verification_id=row.pk, report=answer_of(Verdict.PARTIAL))
    row.refresh_from_db()
    return issued_reports.signed(row)


def test_the_page_says_whether_a_report_holds(client: Client, report_file):
    shown = client.post("/verify/report", {"text": json.dumps(report_file)}).content.decode()
    assert 'data-report-valid="yes"' in shown
    assert report_file["report"]["file"]["sha256"] in shown
    file = SimpleUploadedFile("report.json", json.dumps(report_file, indent=3).encode())
    assert 'data-report-valid="yes"' in client.post("/verify/report", {"file": file}).content.decode()
    report_file["report"]["sentence"]["en"] = "<script>Nobody ever doubted it.</script>"
    shown = client.post("/verify/report", {"text": json.dumps(report_file)}).content.decode()
    assert 'data-report-valid="no"' in shown
    assert "changed after it was signed" in shown
    assert "doubted" not in shown


@pytest.mark.parametrize(
    "text", ["", "hello", "[]", "{}", '{"report": 1}', "[" * 100_000, '{"report":{"format":"x"}}']
)
def test_what_is_no_report_is_said_to_be_none(client: Client, text):
    assert client.post("/verify/report", {"text": text}).status_code == 400
    answer = client.post("/api/v1/verify/report", text, content_type="application/json")
    assert 400 <= answer.status_code < 500


def test_programs_ask_the_same(client: Client, report_file):
    answer = client.post("/api/v1/verify/report", report_file, content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["valid"] and answer.json()["logged"]
    assert client.get("/api/v1/verify/key").content.decode().strip() == answer.json()["key"]
    report_file["report"]["verdict"] = "issued"
    changed = client.post("/api/v1/verify/report", report_file, content_type="application/json").json()
    assert (changed["valid"], changed["faults"], changed["report"]) == (False, ["report_altered"], None)


@pytest.mark.provokes("report_not_ready")
def test_there_is_no_report_before_there_is_an_answer(client: Client):
    row = ask()
    early = client.get(f"/api/v1/verifications/{row.pk}/report")
    assert (early.status_code, early.json()["code"]) == (409, "report_not_ready")
    assert client.get(f"/verify/{row.pk}/report").status_code == 409
