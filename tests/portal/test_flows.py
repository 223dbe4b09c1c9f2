"""The pages from a person's side, without a browser: what each role sees, and that forms reach the services."""

from __future__ import annotations

import itertools
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.consent import services as consent_services
from accounts.consent.models import Challenge, Submission
from accounts.people import services as people_services
from accounts.people.models import ApiKey, Membership
from accounts.people.permissions import Role
from accounts.voices import services as voice_services
from accounts.voices.labels import gate_rows
from accounts.voices.models import Style, Voice
from synth.jobs.models import SynthesisJob
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return factories.owner_principal("Harbor Studio")


def logged_in(principal) -> Client:
    client = Client()
    client.force_login(principal.user)
    return client


@pytest.fixture
def browser(owner) -> Client:
    return logged_in(owner)


@pytest.fixture
def voice(owner) -> Voice:
    return factories.consented_voice(owner, name="Narrator")


def text_of(answer) -> str:
    return answer.content.decode()


def recording() -> SimpleUploadedFile:
    return SimpleUploadedFile("take.wav", factories.wav())


PAGES = [
    "/voices",
    "/voices/new",
    "/studio",
    "/studio/pronunciations",
    "/jobs",
    "/usage",
    "/webhooks",
    "/keys",
    "/organisation",
    "/uses",
    "/uses/log",
    "/ledger",
    "/api/docs",
    "/review",
    "/verify",
    "/status",
]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_opens_for_an_owner(browser, path, language):
    answer = browser.get(path, headers={"accept-language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in text_of(answer)
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", text_of(answer))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(lower - upper <= 1 for upper, lower in itertools.pairwise(levels)), levels


@pytest.mark.parametrize(
    "path", ["/voices", "/studio", "/jobs", "/keys", "/organisation", "/uses", "/review", "/mail"]
)
def test_strangers_are_sent_to_the_log_in_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["location"].startswith("/accounts/login/?next=/")


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("auditor", "/studio", 403),
        ("auditor", "/voices/new", 403),
        ("auditor", "/review", 403),
        ("reviewer", "/studio", 403),
        ("reviewer", "/keys", 403),
        ("reviewer", "/review", 200),
        ("operator", "/studio", 200),
        ("operator", "/review", 403),
        ("operator", "/mail", 404),
    ],
)
def test_pages_keep_to_the_roles(owner, role, path, status):
    member = factories.member_principal(owner, role)
    assert logged_in(member).get(path).status_code == status


def test_another_organisation_s_things_look_as_if_they_were_not_there(voice):
    stranger = logged_in(factories.owner_principal())
    clip = voice.clips.get()
    for path in (
        f"/voices/{voice.pk}",
        f"/voices/{voice.pk}/receipt",
        f"/voices/{voice.pk}/ledger",
        f"/clips/{clip.pk}/audio",
    ):
        assert stranger.get(path).status_code == 404


def test_a_voice_is_registered_and_its_owner_reads_a_statement(browser):
    answer = browser.post("/voices/new", {"name": "Narrator", "person_name": "Alex Morgan", "language": "en"})
    voice = Voice.objects.get()
    assert answer["location"] == f"/voices/{voice.pk}/consent"
    asked = browser.post(
        answer["location"],
        {
            "purposes": ["general"],
            "languages": ["en"],
            "emotions": "sad, neutral",
            "excluded_terms": "lottery\n\n",
            "valid_days": "30",
        },
    )
    challenge = Challenge.objects.get()
    assert challenge.scope["emotions"] == ["sad", "neutral"]
    assert challenge.scope["excluded_terms"] == ["lottery"]
    page = text_of(browser.get(asked["location"]))
    spec = consent_services.challenge_spec(challenge)
    assert all(f"<li data-challenge-word>{word}</li>" in page for word in spec.word_list)
    decoys = {decoy for part in spec.words for decoy in part.decoys} - set(spec.word_list)
    assert decoys
    assert not any(f">{decoy}<" in page for decoy in decoys)
    sent = browser.post(
        asked["location"],
        {"file": recording(), "source": "microphone", **factories.acknowledged(challenge)},
    )
    submission = Submission.objects.get()
    assert sent["location"] == f"/submissions/{submission.pk}"
    assert submission.source == "microphone"
    waiting = text_of(browser.get(sent["location"], headers={"x-fragment": "1"}))
    assert f'data-live="/submissions/{submission.pk}"' in waiting
    assert "<html" not in waiting


def test_moods_are_chips_and_any_of_them_is_all(browser):
    browser.post("/voices/new", {"name": "Narrator", "person_name": "Alex Morgan", "language": "en"})
    path = f"/voices/{Voice.objects.get().pk}/consent"
    page = text_of(browser.get(path))
    assert 'name="emotions" value="*" checked' in page and 'name="emotions" value="sad">' in page
    form = {"purposes": ["general"], "languages": ["en"], "valid_days": "30"}
    for sent, kept in (
        (["sad", "calm", "wistful, shy"], ["sad", "calm", "wistful", "shy"]),
        (["*", "sad"], ["*"]),
    ):
        browser.post(path, form | {"emotions": sent})
        assert Challenge.objects.latest("created_at").scope["emotions"] == kept
    refused = text_of(browser.post(path, form | {"emotions": ["sad", "wistful"], "valid_days": "9999"}))
    assert 'value="sad" checked' in refused and 'value="wistful "' in refused
    assert browser.post(path, form).status_code == 400


def test_a_bad_form_says_why_and_keeps_what_was_typed(browser):
    browser.post("/voices/new", {"name": "Narrator", "person_name": "Alex Morgan", "language": "en"})
    voice = Voice.objects.get()
    answer = browser.post(
        f"/voices/{voice.pk}/consent",
        {
            "purposes": ["general"],
            "languages": ["en"],
            "emotions": "*",
            "excluded_terms": "casino",
            "valid_days": "9999",
        },
    )
    assert answer.status_code == 400
    assert 'role="alert"' in text_of(answer)
    assert "casino" in text_of(answer)
    assert not Challenge.objects.exists()


def test_where_no_recogniser_is_the_page_says_so_before_anything_is_spoken(browser, settings, tmp_path):
    settings.ASSENT_MODELS_DIR = tmp_path
    assert "not installed on this server" in text_of(browser.get("/voices/new"))
    browser.post("/voices/new", {"name": "旁白", "person_name": "王小明", "language": "zh"})
    voice = Voice.objects.get()
    assert "There is no recogniser for Chinese" in text_of(browser.get(f"/voices/{voice.pk}/consent"))


def test_a_rejected_recording_shows_each_gate_with_its_limit(owner, browser):
    voice = voice_services.register_voice(principal=owner, name="N", person_name="Alex Morgan", language="en")
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    row = consent_services.submit_recording(
        principal=owner,
        challenge_id=challenge.pk,
        upload=recording(),
        source="upload",
        **factories.acknowledged(challenge),
    )
    consent_services.begin_check(submission_id=row.pk)
    report = factories.passing_report(frozenset({"length"}))
    report["gates"].append(
        {
            "name": "snr",
            "outcome": "fail",
            "measured": 11.25,
            "limit": 15.0,
            "unit": "dB",
            "code": "too_noisy",
            "message": "Too noisy.",
        }
    )
    consent_services.apply_consent_gates(submission_id=row.pk, result=report | {"decision": "rejected"})
    page = text_of(browser.get(f"/submissions/{row.pk}", headers={"accept-language": "zh-CN"}))
    assert "噪声太大：信噪比 11.25 dB，至少 15 dB。" in page
    assert 'data-outcome="fail" data-gate="snr"' in page
    assert f'href="/challenges/{challenge.pk}"' in page


def test_a_reviewer_listens_and_decides(owner, browser):
    voice = voice_services.register_voice(principal=owner, name="N", person_name="Alex Morgan", language="zh")
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    row = consent_services.submit_recording(
        principal=owner,
        challenge_id=challenge.pk,
        upload=recording(),
        source="upload",
        **factories.acknowledged(challenge),
    )
    consent_services.begin_check(submission_id=row.pk)
    report = factories.passing_report(consent_services.decisions.GATES_THAT_MUST_PASS)
    report["gates"][0]["outcome"] = "review"
    consent_services.apply_consent_gates(submission_id=row.pk, result=report | {"decision": "needs_review"})
    address = f"/review/submissions/{row.pk}"
    assert browser.post(address, {"decision": "approve"}).status_code == 403
    reviewer = logged_in(factories.member_principal(owner, "reviewer"))
    assert address in text_of(reviewer.get("/review"))
    row.refresh_from_db()
    heard = reviewer.get(f"/clips/{row.clip_id}/audio")
    assert heard["content-type"] == "audio/wav"
    assert reviewer.post(address, {"decision": "approve", "note": ""})["location"] == "/review"
    voice.refresh_from_db()
    assert voice.status == "active"
    assert "Receipt of consent" in text_of(browser.get(f"/voices/{voice.pk}/receipt"))


def test_a_refused_clip_is_recorded_again_with_what_was_typed(owner, browser, voice):
    kept = factories.approved_style(owner, voice, name="calm")
    style = consent_services.add_style(
        principal=owner,
        voice_id=voice.pk,
        name="autumn",
        emotion="sad",
        language="en",
        transcript="Nobody came there any more.",
        upload=recording(),
    )
    consent_services.begin_style_check(style_id=style.pk)
    report = factories.passing_report(frozenset({"length"}))
    report["gates"][0] |= {"outcome": "fail", "code": "too_short", "message": "Too short."}
    consent_services.apply_style_gates(style_id=style.pk, result=report | {"decision": "rejected"})
    again = f"/voices/{voice.pk}/styles/new?again={style.pk}"
    assert f'href="{again}"' in text_of(browser.get(f"/styles/{style.pk}"))
    form = text_of(browser.get(again))
    assert 'value="autumn"' in form and "Nobody came there any more." in form
    assert 'value="sad" checked' in form
    assert browser.get(f"/voices/{voice.pk}/styles/new?again=nothing").status_code == 200
    shown = text_of(browser.get(f"/voices/{voice.pk}"))
    assert shown.index(str(kept.pk)) < shown.index(str(style.pk)), "what speaks comes before what was refused"


def test_words_that_were_heard_need_no_unit():
    said, counted, signed = gate_rows(
        [
            {"name": "date", "outcome": "pass", "measured": "twenty third", "limit": "", "unit": "words"},
            {"name": "challenge_words", "outcome": "pass", "measured": 6, "limit": 5, "unit": "words"},
            {"name": "length", "outcome": "pass", "measured": "25.03", "limit": "4", "unit": "s"},
        ]
    )
    assert said["unit"] == ""
    assert (str(counted["unit"]), signed["unit"]) == ("words", "s")


def test_a_style_is_offered_and_removed(owner, browser, voice):
    answer = browser.post(
        f"/voices/{voice.pk}/styles/new",
        {
            "name": "sad",
            "emotion": "sad",
            "language": "en",
            "transcript": "Nobody came.",
            "source": "microphone",
            "file": recording(),
        },
    )
    style = Style.objects.get()
    assert answer["location"] == f"/styles/{style.pk}"
    assert browser.get(answer["location"]).status_code == 200
    assert browser.post(f"/styles/{style.pk}/remove")["location"] == f"/voices/{voice.pk}"
    assert browser.get(f"/styles/{style.pk}").status_code == 404


def test_the_studio_submits_a_job_and_shows_its_part(owner, browser, voice):
    factories.approved_style(owner, voice, name="neutral")
    page = text_of(browser.get("/studio"))
    assert f'name="style-{voice.pk}"' in page
    form = {
        "voice": str(voice.pk),
        f"style-{voice.pk}": "neutral",
        "text": "Good evening.",
        "format": "wav",
        "speed": "1.1",
    }
    answer = browser.post("/studio", form, headers={"x-fragment": "1"})
    job = SynthesisJob.objects.get()
    assert answer["location"] == f"/jobs/{job.pk}"
    assert (job.text, job.speed, job.format) == ("Good evening.", 1.1, "wav")
    part = text_of(browser.get(answer["location"], headers={"x-fragment": "1"}))
    assert f'data-live="/jobs/{job.pk}"' in part
    browser.post(f"/jobs/{job.pk}/cancel")
    assert "data-live" not in text_of(browser.get(f"/jobs/{job.pk}", headers={"x-fragment": "1"}))
    assert "Good evening." in text_of(browser.get("/jobs"))


def test_a_refused_job_says_why_in_the_studio(owner, browser, voice):
    factories.approved_style(owner, voice, name="neutral")
    consent_services.revoke(principal=owner, voice_id=voice.pk)
    form = {
        "voice": str(voice.pk),
        f"style-{voice.pk}": "neutral",
        "text": "Good evening.",
        "format": "wav",
        "speed": "1",
    }
    answer = browser.post("/studio", form, headers={"x-fragment": "1"})
    assert answer.status_code == 403
    assert 'data-refusal="consent_revoked"' in text_of(answer)
    assert not SynthesisJob.objects.exists()


def test_revoking_is_one_form_and_stands_in_the_ledger(browser, voice):
    answer = browser.post(f"/voices/{voice.pk}/revoke", {"reason": "enough"}, follow=True)
    assert "Revoked" in text_of(answer)
    voice.refresh_from_db()
    assert voice.status == "revoked"
    assert "Consent was revoked." in text_of(browser.get(f"/voices/{voice.pk}/ledger"))
    assert "Consent was revoked." in text_of(browser.get("/uses"))


def test_a_revoked_voice_says_what_its_owner_may_do(owner, browser, voice):
    consent_services.revoke(principal=owner, voice_id=voice.pk, reason="")
    page = text_of(browser.get(f"/voices/{voice.pk}"))
    assert 'href="/voices/new"' in page and "/consent" not in page
    reviewer = logged_in(factories.member_principal(owner, "reviewer"))
    page = text_of(reviewer.get(f"/voices/{voice.pk}"))
    assert 'href="/voices/new"' not in page and "its owner registers a new voice" in page


def test_an_administrator_is_told_how_weights_are_added_where_the_consent_has_them(owner, browser, voice):
    command = f"manage.py models add --voice {voice.pk}"
    owner.user.is_staff = True
    owner.user.save()
    assert command not in text_of(browser.get(f"/voices/{voice.pk}"))
    trained = factories.consented_voice(owner, name="Trained", custom_weights=True)
    assert f"manage.py models add --voice {trained.pk}" in text_of(browser.get(f"/voices/{trained.pk}"))


def test_changes_need_a_post(browser, voice):
    for path in (f"/voices/{voice.pk}/revoke", f"/voices/{voice.pk}/erase", f"/voices/{voice.pk}/pause"):
        assert browser.get(path).status_code == 405
    voice.refresh_from_db()
    assert voice.status == "active"


@pytest.mark.provokes("api_key.revoked")
def test_a_key_is_shown_once(browser):
    made = browser.post("/keys", {"do": "create", "name": "server", "scopes": ["speech:write"], "days": "10"})
    key = ApiKey.objects.get()
    secret = text_of(made).split('id="secret">')[1].split("<")[0]
    assert secret.startswith(f"assent_{key.prefix}_")
    assert people_services.find_key(secret) == key
    assert secret not in text_of(browser.get("/keys"))
    assert "no-store" in made["cache-control"]
    browser.post("/keys", {"do": "revoke", "key": str(key.pk)})
    assert people_services.find_key(secret) is None


def test_members_are_invited_join_and_change_roles(owner, browser, mailoutbox):
    browser.post("/organisation", {"do": "invite", "email": "new@example.org", "role": "reviewer"})
    page = text_of(browser.get("/organisation"))
    assert "new@example.org" in page
    assert "Leave" not in page  # the only owner
    guest = factories.person("new@example.org")
    member = Membership.objects.create(user=guest, organisation=owner.organisation, role=Role.REVIEWER)
    browser.post("/organisation", {"do": "role", "member": str(member.pk), "role": "auditor"})
    member.refresh_from_db()
    assert member.role == "auditor"
    browser.post("/organisation", {"do": "remove", "member": str(member.pk)})
    assert not Membership.objects.filter(pk=member.pk).exists()
    last = Membership.objects.get(user=owner.user)
    assert browser.post("/organisation", {"do": "remove", "member": str(last.pk)}).status_code == 409


def test_the_first_administrator_comes_in_by_the_link_once(client):
    link = people_services.first_admin_link()
    path = "/" + link.split("/", 3)[3]
    assert client.get(path).status_code == 200
    form = {
        "email": "ada@example.org",
        "name": "Ada",
        "organisation_name": "Harbor",
        "password": "Correct-horse-9",
    }
    answer = client.post(path, form)
    assert answer.status_code == 302
    assert client.get("/mail").status_code == 200
    # The password was set a moment ago: the second factor does not ask for it again.
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200
    assert "127.0.0.1" in text_of(client.get("/accounts/sessions/"))
    for visitor, offered in ((Client(), True), (client, False)):
        spent = visitor.get(path)
        assert spent.status_code == 404
        main = text_of(spent).split("<main")[1].split("</main>")[0]
        assert ('href="/accounts/login/"' in main) is offered


def test_a_link_of_the_first_administrator_that_expired_names_the_command_for_another(client):
    path = "/" + people_services.first_admin_link().split("/", 3)[3]
    people_services.first_admin_link()
    answer = client.get(path)
    assert answer.status_code == 404
    assert "manage.py first_admin_link" in text_of(answer)


def test_a_file_that_is_missing_or_too_many_is_refused_on_the_page(client, settings):
    assert client.post("/verify", {}).status_code == 400
    assert "data-refusal" in text_of(client.post("/verify", {}))
