"""The verdict's page: each verdict with its heading, sentence, passages and record, in both languages."""

from __future__ import annotations

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.actors import ANONYMOUS
from synth.errors import AssentError
from tests import factories
from watermark import services
from watermark.reading.verdict import Verdict
from watermark.sentences import SENTENCES
from watermark.wording import INTERVALS, REASONS, VERDICTS

pytestmark = pytest.mark.django_db
RECORD = {
    "record_id": "01a204ea-0276-76d9-8790-cde2d3e6a832",
    "issued_at": "2026-11-22T20:19:00+00:00",
    "organisation": "Harbor <Studio>",
    "engine": "preview",
    "engine_version": "1.0",
    "is_preview": True,
    "duration_s": 6.3,
    "consent": "revoked",
    "taken_down": True,
    "log_entry": 12,
    "log_proof": "/api/v1/log/entries/12/proof",
}


def report(verdict: Verdict) -> dict:
    """What a worker writes, with everything in it that a page may have to show."""
    return {
        "verdict": verdict.value,
        "sentence": SENTENCES[verdict],
        "reasons": list(REASONS)[:2],
        "file": {"sha256": "a" * 64, "duration_s": 8.25},
        "records": [RECORD] if verdict.value.startswith(("issued", "partial")) else [],
        "intervals": [{"start_s": 0.0, "end_s": 2.5, "kind": kind, "record_id": None} for kind in INTERVALS],
        "layers": {"keyed": "read", "public": "not searched"},
        "label": {
            "label": "1",
            "content_producer": "Harbor",
            "produce_id": RECORD["record_id"],
            "system": "Assent 0.1.0",
            "made_at": "2026-11-30T12:00:00Z",
        },
        "waveform": [0.1, 0.9, 0.4],
        "detector": {},
    }


def asked():
    """A query that a worker has claimed."""
    row = services.submit_verification(file=SimpleUploadedFile("a.wav", factories.wav()), actor=ANONYMOUS)
    assert services.begin_verification(verification_id=row.pk) is not None
    return row


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_verdict_is_shown_with_its_sentence(client, verdict, language):
    row = asked()
    services.complete_verification(verification_id=row.pk, report=report(verdict))
    page = client.get(f"/verify/{row.pk}", headers={"accept-language": language}).content.decode()
    assert f'data-verdict="{verdict.value}"' in page
    assert re.findall(r"<h([1-6])\b", page)[:2] == ["1", "2"]
    assert SENTENCES[verdict][language] in page
    assert f'data-kind="{VERDICTS[verdict].kind}"' in page
    assert "<Studio>" not in page
    shown = re.search(r'data-intervals="([^"]*)"', page).group(1)
    drawn = json.loads(shown.replace("&quot;", '"'))
    # one interval of each kind, in the order in which the pages' key lists them
    assert [one["kind"] for one in drawn] == [
        "ok", "bad", "bad", "bad", "bad", "bad", "bad", "dim", "dim", "warn", "info", "plain",
    ]  # fmt: skip
    if report(verdict)["records"]:
        assert "Revoked since" in page or "之后已撤销" in page


def test_no_heading_or_reason_calls_anything_genuine():
    words = [str(word.title) for word in VERDICTS.values()] + [str(reason) for reason in REASONS.values()]
    assert not [word for word in words if re.search(r"genuine|authentic|\breal\b", word, re.IGNORECASE)]
    assert set(VERDICTS) == set(Verdict)


def test_the_page_waits_for_an_answer_and_says_when_there_is_none(client):
    row = asked()
    waiting = client.get(f"/verify/{row.pk}", headers={"x-fragment": "1"}).content.decode()
    assert f'data-live="/verify/{row.pk}"' in waiting
    services.fail_verification(
        verification_id=row.pk, error=AssentError("unreadable_audio", "This is not an audio file.")
    )
    failed = client.get(f"/verify/{row.pk}", headers={"accept-language": "zh-CN"}).content.decode()
    assert "data-live" not in failed
    assert "这不是可读的音频文件。" in failed


@pytest.mark.provokes("verification_not_found")
def test_an_unknown_query_is_not_found(client):
    assert client.get("/verify/01a204ea-0276-76d9-8790-cde2d3e6a832").status_code == 404
