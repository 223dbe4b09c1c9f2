"""Manner, pronunciations and the engine's abilities over HTTP and in the studio."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.people.services import create_key
from synth.jobs.engine_status import CACHE_KEY, publish_engine
from synth.jobs.models import DictionaryVersion, SynthesisJob
from synth.jobs.parameters import PARAMETERS
from tests import factories

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
JSON = "application/json"


@pytest.fixture
def owner(db):
    return factories.owner_principal()


@pytest.fixture
def voice(owner):
    voice = factories.consented_voice(owner)
    for name in ("neutral", "sad"):
        factories.approved_style(owner, voice, name=name)
    return voice


@pytest.fixture
def api(owner):
    _key, secret = create_key(
        principal=owner, name="k", scopes=["speech:write", "speech:read", "voices:read", "voices:write"]
    )
    return Client(headers={"authorization": f"Bearer {secret}"})


@pytest.fixture
def browser(owner):
    browser = Client()
    browser.force_login(owner.user)
    return browser


@pytest.fixture
def engine():
    """The engine that a worker has reported; gone afterwards."""

    def report(supports=()):
        publish_engine(name="some", version="1", is_preview=not supports, supports=supports)

    yield report
    cache.delete(CACHE_KEY)


@pytest.mark.parametrize(("name", "said"), [("preview", "rule-based"), ("kokoro", "Kokoro speaks naturally")])
def test_the_studio_says_what_speaks(browser, voice, engine, name, said):
    publish_engine(name=name, version="1", is_preview=True)
    page = browser.get("/studio").content.decode()
    assert said in page
    assert ("no voice model is installed" in page) == (name == "preview")


def test_a_job_takes_markup_styles_and_parameters(api, voice):
    body = {
        "voice": voice.slug,
        "text": "It rains. [sad]Again.[/sad]",
        "input_type": "tags",
        "styles": [{"name": "neutral", "weight": 2}, {"name": "sad"}],
        "parameters": {"preset": "expressive", "top_k": 30},
    }
    answer = api.post("/api/v1/jobs", body, content_type=JSON)
    assert answer.status_code == 201, answer.content
    job = answer.json()
    assert job["text"] == "It rains. Again." and job["source_text"] == body["text"]
    assert job["styles"] == [{"name": "neutral", "weight": 2.0}, {"name": "sad", "weight": 1.0}]
    assert job["parameters"] == {"preset": "expressive", "top_k": 30}
    assert job["dictionary_version"] is None and job["own_weights"] is False
    assert api.get(f"/api/v1/jobs/{job['id']}").json()["input_type"] == "tags"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"parameters": {"warmth": 1}}, "parameter_unknown"),
        ({"parameters": {"top_p": 7}}, "parameter_out_of_range"),
        ({"styles": [{"name": "sad", "weight": 0}]}, "styles_invalid"),
        ({"input_type": "ssml"}, "markup_invalid"),
        ({"text": "<speak><audio/></speak>", "input_type": "ssml"}, "markup_invalid"),
        ({"dictionary_version": 3}, "dictionary_not_found"),
    ],
)
def test_refusals_have_their_codes_at_both_doors(api, voice, change, code):
    job = {"voice": voice.slug, "text": "It rains.", **change}
    answer = api.post("/api/v1/jobs", job, content_type=JSON)
    assert answer.json()["code"] == code
    speech = {"voice": voice.slug, "input": job.pop("text"), "model": "assent", **change}
    speech.pop("text", None)
    answer = api.post("/v1/audio/speech", speech, content_type=JSON)
    assert answer.json()["error"]["code"] == code
    assert answer.status_code in (400, 404)
    assert not SynthesisJob.objects.exists()


def test_a_retry_of_openais_client_joins_the_first_job(api, voice, monkeypatch):
    monkeypatch.setattr("synth.jobs.streaming.SOUND_WITHIN_S", 0.0)
    body = {
        "voice": voice.slug, "input": " [sad]It rains.[/sad] ", "input_type": "tags", "parameters": {"top_k": 5},
    }  # fmt: skip
    for headers in ({}, {"x-stainless-retry-count": "1"}):
        answer = api.post("/v1/audio/speech", body, content_type=JSON, headers=headers)
        assert answer.json()["error"]["code"] == "still_speaking"
    assert SynthesisJob.objects.count() == 1


def test_pronunciations_over_http(api, voice):
    assert api.get("/api/v1/dictionary").json()["version"] == 0
    words = [{"language": "en", "word": "GIF", "reading": "JH IH1 F"}]
    made = api.put("/api/v1/dictionary", {"words": words, "if_version": 0}, content_type=JSON)
    assert made.status_code == 200 and made.json()["version"] == 1
    assert made.json()["words"] == [{**words[0], "alias": ""}]
    late = api.put("/api/v1/dictionary", {"words": [], "if_version": 0}, content_type=JSON)
    assert (late.status_code, late.json()["code"]) == (409, "dictionary_changed")
    wrong = [{"language": "en", "word": "GIF", "reading": "zzz"}]
    wrong = api.put("/api/v1/dictionary", {"words": wrong}, content_type=JSON)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "dictionary_invalid")
    assert api.put("/api/v1/dictionary", {"words": []}, content_type=JSON).json()["version"] == 2
    assert api.get("/api/v1/dictionary/versions/1").json()["words"][0]["word"] == "GIF"
    assert [row["version"] for row in api.get("/api/v1/dictionary/versions").json()["data"]] == [2, 1]
    assert api.get("/api/v1/dictionary/versions/99999999999999999999").status_code == 404
    assert Client().get("/api/v1/dictionary").status_code == 401


def test_the_engine_says_what_it_supports(api, engine):
    engine(["preset", "temperature", "blend"])
    said = api.get("/api/v1/engine").json()
    assert said["supports"] == ["blend", "preset", "temperature"]
    supported = {row["name"]: row["supported"] for row in said["parameters"]}
    assert supported.keys() == PARAMETERS.keys()
    assert supported["temperature"] and not supported["top_k"]


def test_the_studio_offers_what_the_engine_supports(browser, voice, engine):
    engine()
    page = browser.get("/studio").content.decode()
    assert 'name="temperature"' not in page and 'name="preset"' not in page
    assert f'name="second-{voice.pk}"' not in page
    engine(["preset", *PARAMETERS, "blend"])
    page = browser.get("/studio", headers={"accept-language": "zh-hans"}).content.decode()
    assert 'name="preset"' in page and f'name="second-{voice.pk}"' in page
    assert 'name="temperature" type="number" min="0.0" max="2.0" step="0.05"' in page


def test_the_studio_sends_manner_and_markup(browser, voice):
    form = {
        "voice": str(voice.pk), f"style-{voice.pk}": "neutral", f"second-{voice.pk}": "sad", "share": "25",
        "text": "It rains. [sad]Again.[/sad]", "input_type": "tags", "temperature": "0.5", "top_k": "12",
        "preset": "stable", "seed": "7",
    }  # fmt: skip
    assert browser.post("/studio", form).status_code == 302
    job = SynthesisJob.objects.get()
    assert job.parameters == {"preset": "stable", "temperature": 0.5, "top_k": 12}
    assert {row.style.name: row.weight for row in job.further_styles.all()} == {"neutral": 0.75, "sad": 0.25}
    assert job.seed == 7 and job.text == "It rains. Again."
    page = browser.get(f"/jobs/{job.pk}").content.decode()
    assert "It rains. Again." in page
    answer = browser.post("/studio", {**form, "temperature": "hot"}, headers={"x-fragment": "1"})
    assert 'data-refusal="parameter_out_of_range"' in answer.content.decode()


def test_pronunciations_have_a_page(browser, owner):
    page = "/studio/pronunciations"
    assert browser.get(page).status_code == 200
    given = {"word": "重庆", "language": "zh", "kind": "reading", "value": "chong2 qing4"}
    assert browser.post(page, given)["location"] == page
    assert "chong2 qing4" in browser.get(page).content.decode()
    wrong = browser.post(page, {**given, "value": "x"})
    assert wrong.status_code == 400 and 'data-refusal="dictionary_invalid"' in wrong.content.decode()
    assert browser.post(page, {**given, "do": "remove"}).status_code == 302
    assert DictionaryVersion.objects.order_by("-version").first().word_count == 0
    auditor = factories.member_principal(owner, "auditor")
    reader = Client()
    reader.force_login(auditor.user)
    assert 'name="word"' not in reader.get(page).content.decode()
    assert reader.post(page, given).status_code == 403
    assert Client().get(page).status_code == 302


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/jobs", {"text": "我们用语音合成说话。"}),
        ("/v1/audio/speech", {"input": "我们用语音合成说话。", "model": "assent"}),
    ],
)
@pytest.mark.provokes("language_mismatch")
def test_a_text_in_another_language_is_refused_before_anything_is_queued(api, voice, path, body):
    answer = api.post(path, {"voice": voice.slug, **body}, content_type=JSON)
    assert answer.status_code == 400
    said = answer.json()
    said = said.get("error", said)
    assert said["code"] == "language_mismatch"
    assert not SynthesisJob.objects.exists()
    assert (said["measured"], said["limit"]) == ("zh", "en")


def test_the_cut_method_is_kept_with_the_job(api, voice):
    body = {"voice": voice.slug, "text": "It rains, again.", "parameters": {"cut_method": "cut3"}}
    answer = api.post("/api/v1/jobs", body, content_type=JSON)
    assert answer.status_code == 201, answer.content
    assert answer.json()["parameters"] == {"cut_method": "cut3"}
    body["parameters"] = {"cut_method": "cut9"}
    refused = api.post("/api/v1/jobs", body, content_type=JSON)
    assert (refused.status_code, refused.json()["code"]) == (400, "parameter_unknown")
