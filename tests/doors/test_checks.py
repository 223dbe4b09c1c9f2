"""Questions about files that are refused or end without an answer, reports that are none, and a log asked too early."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from synth.audio import decode
from tests import factories
from tests.doors.conftest import JSON, NOBODY, code_of, refusal_on
from tests.portal.test_verdicts import report
from watermark import services
from watermark.models import Verification
from watermark.reading.verdict import Verdict
from worker import tasks, verification

pytestmark = pytest.mark.django_db
TASKS = pytest.mark.django_db(databases="__all__", transaction=True)


def ask(client: Client, data: bytes | None = None) -> str:
    """The id of a question; the page does not wait for its answer."""
    file = SimpleUploadedFile("file.wav", factories.wav() if data is None else data)
    answer = client.post("/verify", {"file": file})
    assert answer.status_code == 302, answer.content
    return str(answer["location"].rsplit("/", 1)[1])


def answered(client: Client, data: bytes | None = None) -> str:
    """The code with which a worker's answer ended."""
    asked = ask(client, data)
    tasks.verify(asked)
    return code_of(client.get(f"/api/v1/verifications/{asked}"))


@TASKS
@pytest.mark.provokes("verification_failed")
def test_a_fault_of_ours_is_said_to_be_one(browser, monkeypatch):
    def fault(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(verification, "examine", fault)
    assert answered(browser) == "verification_failed"


@TASKS
@pytest.mark.provokes("verification_lost")
def test_a_question_that_loses_every_worker(browser):
    asked = ask(browser)
    Verification.objects.update(state="running", attempts=9, heartbeat_at=timezone.now() - timedelta(hours=1))
    tasks.reap()
    assert code_of(browser.get(f"/api/v1/verifications/{asked}")) == "verification_lost"


@TASKS
@pytest.mark.provokes("decoder_missing")
def test_a_container_that_needs_a_program_that_is_not_there(browser, monkeypatch):
    monkeypatch.setattr(decode.shutil, "which", lambda *_: None)
    assert answered(browser, b"\x1aE\xdf\xa3" + bytes(200)) == "decoder_missing"


@TASKS
@pytest.mark.provokes("decode_limit")
def test_a_file_that_unpacks_to_too_much(browser, monkeypatch):
    monkeypatch.setattr(verification, "DECODED_BYTES", 400)
    assert answered(browser) == "decode_limit"


@pytest.mark.provokes("record_not_found")
def test_a_record_that_is_none(db):
    assert code_of(Client().get(f"/api/v1/records/{NOBODY}/proof")) == "record_not_found"


@pytest.mark.provokes("report_malformed", "report_missing")
def test_what_is_no_report(browser):
    assert code_of(browser.post("/api/v1/verify/report", {"report": 1}, JSON)) == "report_malformed"
    assert refusal_on(browser.post("/verify/report", {})) == "report_missing"


@pytest.mark.provokes("report_too_long")
def test_a_report_of_a_hundred_megabytes(browser, monkeypatch):
    from watermark import issued_reports

    monkeypatch.setattr(issued_reports, "MAX_FILE_BYTES", 10)
    answer = browser.post("/api/v1/verify/report", {"report": "x" * 100}, JSON)
    assert (answer.status_code, code_of(answer)) == (413, "report_too_long")


@pytest.mark.provokes("report_key_missing")
def test_a_service_without_its_report_key(browser, settings, tmp_path):
    settings.ASSENT_KEYS_DIR = tmp_path
    answer = browser.get("/api/v1/verify/key")
    assert (answer.status_code, code_of(answer)) == (503, "report_key_missing")


@pytest.mark.provokes("report_not_kept")
def test_an_answer_from_before_reports_were_signed(browser):
    asked = ask(browser)
    assert services.begin_verification(verification_id=asked) is not None
    services.complete_verification(verification_id=asked, report=report(Verdict.NO_WATERMARK))
    Verification.objects.update(document=None)
    assert code_of(browser.get(f"/api/v1/verifications/{asked}/report")) == "report_not_kept"
