"""Studio, history and the pages of one speech: what is offered, found, heard; and nothing green after a revocation."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.consent import services as consent_services
from accounts.voices.models import Style, Voice
from synth.jobs import services as jobs
from synth.jobs.engine_status import publish_engine
from synth.jobs.models import SynthesisJob
from tests import factories
from tests.doors.conftest import browser_of
from tests.rights.test_persons import spoken

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return factories.owner_principal()


@pytest.fixture
def browser(owner) -> Client:
    return browser_of(owner)


@pytest.fixture
def voice(owner) -> Voice:
    return factories.consented_voice(
        owner, name="Narrator", purposes=["narration", "dubbing"], languages=["en", "zh"]
    )


def shown(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode().split("<main", 1)[1]


def options(page: str, name: str) -> list[str]:
    select = re.search(rf'<select id="{name}".*?</select>', page, re.DOTALL)
    assert select is not None
    return re.findall(r'<option value="([^"]*)"', select.group())


def test_the_studio_offers_what_the_consent_covers(owner, browser, voice):
    page = shown(browser, "/studio")
    assert options(page, f"purpose-{voice.pk}") == ["narration", "dubbing"]
    assert options(page, f"language-{voice.pk}") == ["", "en", "zh"]
    consent_services.narrow(
        principal=owner, voice_id=voice.pk, purposes=["dubbing"], languages=["zh"], excluded_terms=[],
        custom_weights=False,
    )  # fmt: skip
    page = shown(browser, "/studio")
    assert options(page, f"purpose-{voice.pk}") == ["dubbing"]
    assert options(page, f"language-{voice.pk}") == ["zh"]


def test_the_studio_asks_with_the_purpose_of_the_chosen_voice(browser, voice):
    form = {
        "voice": str(voice.pk),
        f"style-{voice.pk}": "",
        f"purpose-{voice.pk}": "dubbing",
        "text": "One.\r\nTwo.",
    }
    assert browser.post("/studio", form).status_code == 302
    job = SynthesisJob.objects.get()
    assert (job.purpose, job.text) == ("dubbing", "One.\nTwo.")


def test_the_studio_hides_what_the_engine_ignores(browser, voice):
    publish_engine(name="preview", version="1", is_preview=True, supports=())
    page = shown(browser, "/studio")
    assert 'id="temperature"' not in page and "/studio/pronunciations" not in page
    publish_engine(name="x", version="1", is_preview=False, supports=("temperature", "pronunciations"))
    page = shown(browser, "/studio")
    assert 'id="temperature"' in page and "/studio/pronunciations" in page


def test_a_text_that_is_too_long_comes_back_whole_with_a_sentence(browser, voice):
    assert "maxlength" not in shown(browser, "/studio").split("</textarea>")[0]
    text = "word " * 1000
    answer = browser.post(
        "/studio", {"voice": str(voice.pk), f"purpose-{voice.pk}": "narration", "text": text}
    )
    page = answer.content.decode()
    assert answer.status_code == 400
    assert text.strip() in page and 'data-refusal="text_too_long"' in page
    assert not SynthesisJob.objects.exists()


def test_the_history_finds_words_plays_and_says_why_something_failed(owner, browser, voice):
    made = spoken(owner, voice, "The parcel arrived.", purpose="narration")
    failed = jobs.submit_job(principal=owner, voice=str(voice.pk), text="Nobody came.", purpose="narration")
    SynthesisJob.objects.filter(pk=failed.pk).update(
        state="failed", error={"code": "worker_lost", "message": "The worker was lost too often."}
    )
    page = shown(browser, "/jobs")
    assert f'<audio class="mini" controls preload="none" src="/jobs/{made.job_id}/audio"' in page
    assert 'data-error="worker_lost"' in page and "The worker was lost too often." in page
    found = shown(browser, "/jobs?q=PARCEL")
    assert "The parcel arrived." in found and "Nobody came." not in found
    for nothing in ("nothing", "%", "%00%00x"):
        assert "No speech has these words." in shown(browser, f"/jobs?q={nothing}")
    stranger = browser_of(factories.owner_principal())
    assert "parcel" not in shown(stranger, "/jobs?q=arrived")


@pytest.mark.parametrize(
    ("change", "state"),
    [("revoke", "consent_revoked"), ("suspend", "voice_suspended"), ("expire", "consent_expired")],
)
def test_nothing_stays_green_of_a_voice_that_may_not_speak(owner, browser, voice, change, state):
    factories.approved_style(owner, voice)
    made = spoken(owner, voice, "The parcel arrived.", purpose="narration", style="neutral")
    style = Style.objects.get(name="neutral")
    paths = [f"/voices/{voice.pk}", f"/styles/{style.pk}", f"/jobs/{made.job_id}", "/jobs", "/uses"]
    for path in paths:
        assert "badge ok" in (page := shown(browser, path)) or 'data-kind="ok"' in page
    assert "Speak again" in shown(browser, f"/jobs/{made.job_id}")
    if change == "expire":
        Voice.objects.filter(pk=voice.pk).update(status="expired")
    else:
        getattr(consent_services, change)(principal=owner, voice_id=voice.pk)
    for path in paths:
        answer = browser.get(path)
        if answer.status_code == 404:  # a revoked voice's styles may be gone
            continue
        page = answer.content.decode().split("<main", 1)[1]
        assert "badge ok" not in page and 'data-kind="ok"' not in page, path
        assert "Speak again" not in page and "Speak in this style" not in page
    assert f'data-state="{state}"' in shown(browser, f"/jobs/{made.job_id}")
    assert f'data-state="{state}"' in shown(browser, "/jobs")
