"""The ledger: one line a speech, for those whom it concerns, narrowed, heard, and taken away as a file."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.consent import services as consent_services
from accounts.people.models import Membership
from accounts.people.permissions import Role
from synth.common.sheets import sheet
from synth.jobs.models import Output, SynthesisJob
from synth.rights import ledger
from tests import factories
from tests.doors.conftest import browser_of
from tests.rights.test_persons import spoken
from watermark import services as watermark
from watermark.models import Verification
from watermark.selectors import public_facts

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(db):
    return factories.owner_principal()


@pytest.fixture
def voice(owner):
    voice = factories.consented_voice(owner, name="Narrator")
    factories.approved_style(owner, voice)
    return voice


def page_of(browser: Any, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def exported(browser: Any, path: str) -> list[dict[str, Any]]:
    return json.loads(browser.get(f"{path}{'&' if '?' in path else '?'}as=json").content)["speeches"]


def verdict_on(output: Output) -> None:
    row = Verification.objects.create(
        state="running", file_sha256="0" * 64, size_bytes=1, actor_kind="anonymous", actor_id="x",
        heartbeat_at=timezone.now(),
    )  # fmt: skip
    report = {"verdict": "issued", "records": [public_facts(output.mark)]}
    watermark.complete_verification(verification_id=row.pk, report=report)


def test_a_speech_is_one_line_with_words_player_state_and_how_often_it_was_verified(owner, voice):
    owner.user.name = "Ada Byron"
    owner.user.save()
    output = spoken(
        owner, voice, "The parcel arrived.", purpose="narration", project="book-1", style="neutral"
    )
    browser = browser_of(owner)
    for path in (f"/voices/{voice.pk}/ledger", "/uses", "/ledger"):
        shown = page_of(browser, path)
        assert shown.count("data-speech=") == 1
        for said in ("Ada Byron", "The parcel arrived.", "narration", "book-1", "neutral", "Released", "0×"):
            assert said in shown
        assert f'src="/jobs/{output.job_id}/audio"' in shown
        assert "Consent was approved." in shown
    verdict_on(output)
    verdict_on(output)
    Verification.objects.all().delete()  # as after their time: the count stays
    assert "2×" in page_of(browser, "/uses")
    assert exported(browser, "/uses")[0]["times_verified"] == 2


def test_what_is_no_longer_served_has_no_player_and_is_not_green(owner, voice):
    output = spoken(owner, voice, "The parcel arrived.")
    consent_services.revoke(principal=owner, voice_id=voice.pk)
    shown = page_of(browser_of(owner), f"/voices/{voice.pk}/ledger")
    assert 'data-state="consent_revoked"' in shown and "badge ok" not in shown
    assert f"/jobs/{output.job_id}/audio" not in shown
    assert "Consent was revoked." in shown


def test_an_owner_from_outside_reads_that_it_was_spoken_and_not_what(owner):
    member = factories.member_principal(owner, Role.OPERATOR)
    theirs = factories.consented_voice(member, name="Theirs")
    owner.user.name = "Ada Byron"
    owner.user.save()
    output = spoken(owner, theirs, "The parcel arrived.")
    Membership.objects.filter(user=member.user).delete()
    factories.organisation(member.user, "Elsewhere")
    browser = browser_of(member)
    shown = page_of(browser, "/uses")
    assert "data-speech=" in shown and owner.organisation.name in shown
    assert "The parcel arrived." not in shown and "Ada Byron" not in shown
    assert f"/jobs/{output.job_id}" not in shown.replace(f'data-speech="{output.job_id}"', "")
    assert exported(browser, "/uses")[0]["text"] is None
    assert exported(browser, f"/uses?person={owner.user.pk}") == []


def test_the_owner_by_a_link_reads_the_same_page(owner, client):
    voice = factories.voices.register_voice(
        principal=owner, name="N", person_name="Ada Byron", language="en", owner_by_link=True
    )
    _link, url = consent_services.ask_owner(principal=owner, voice_id=voice.pk)
    _made, kept = consent_services.use_link(url.rsplit("/", 1)[1])
    answer = client.get(f"/my-voice/{kept}/uses")
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store"
    assert f'href="/my-voice/{kept}/uses"' in page_of(client, f"/my-voice/{kept}")
    assert client.get("/my-voice/nothing/uses").status_code == 404


def test_strangers_and_operators_do_not_read_it(owner, voice):
    path = f"/voices/{voice.pk}/ledger"
    assert browser_of(factories.owner_principal()).get(path).status_code == 404
    operator = browser_of(factories.member_principal(owner, Role.OPERATOR))
    assert operator.get(path).status_code == 403
    assert operator.get("/ledger").status_code == 403
    assert browser_of(factories.member_principal(owner, Role.AUDITOR)).get(path).status_code == 200


def test_it_is_narrowed_by_voice_person_purpose_and_day(owner, voice):
    spoken(owner, voice, "One.", purpose="narration")
    spoken(owner, voice, "Two.", purpose="general")
    other = factories.consented_voice(owner, name="Other")
    spoken(owner, other, "Three.")
    browser = browser_of(owner)
    today = timezone.now().date().isoformat()

    def texts(query: str) -> list[str]:
        return [row["text"] for row in exported(browser, f"/uses?{query}")]

    assert texts("") == ["Three.", "Two.", "One."]
    assert texts(f"voice={other.pk}") == ["Three."]
    assert texts("purpose=narration") == ["One."]
    assert len(texts(f"person={owner.user.pk}&since={today}&until={today}")) == 3
    assert texts("until=2020-01-01") == []
    for query in ("since=soon", "until=9999-12-31", "purpose=x", "voice=x", "person=x"):
        assert browser.get(f"/uses?{query}").status_code == 400


HOSTILE = ("=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "  =1+1", "＝1+1", "\n=1")


def test_no_cell_of_the_export_is_a_formula(owner, voice):
    for text in HOSTILE:
        row = {**dict.fromkeys(ledger.COLUMNS, ""), "text": text, "duration_s": -1.5}
        (cells,) = csv.DictReader(io.StringIO(sheet([row], row).decode("utf-8-sig"), newline=""))
        assert (cells["text"], cells["duration_s"]) == (f"'{text}", "-1.5")
    job = spoken(owner, voice, "Nothing.", project="=1+1").job
    said = '@plain, "quoted"\nline'
    SynthesisJob.objects.filter(pk=job.pk).update(text=said)
    answer = browser_of(owner).get("/uses?as=csv")
    assert answer["content-type"].startswith("text/csv")
    assert "attachment" in answer["content-disposition"]
    (cells,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert (cells["text"], cells["project"]) == (f"'{said}", "'=1+1")


def test_the_number_of_queries_does_not_grow_with_the_lines(owner, voice):
    browser = browser_of(owner)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            page_of(browser, "/uses")
        return len(seen)

    spoken(owner, voice)
    queries()
    few = queries()
    for _ in range(3):
        spoken(owner, voice, style="neutral")
    assert queries() == few
