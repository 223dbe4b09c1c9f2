"""Styles of a voice: only under a consent, one of a name, checked and removed."""

from __future__ import annotations

import pytest
from django.core.files.storage import default_storage

from accounts.consent import services
from accounts.consent.models import Consent
from accounts.consent.services.styles import GATES_THAT_MUST_PASS
from accounts.people.permissions import Role
from accounts.voices.models import Style
from synth.errors import AssentError, Conflict, Forbidden, NotFound
from tests import factories
from tests.accounts.conftest import answered, gate, report, take

pytestmark = pytest.mark.django_db


def add(principal, voice, **changes):
    given = {
        "name": "sad",
        "emotion": "sad",
        "language": "en",
        "transcript": "The rain had stopped.",
        "upload": take(),
    }
    return services.add_style(principal=principal, voice_id=voice.pk, **{**given, **changes})


def checked(style, *changes, **facts):
    assert services.begin_style_check(style_id=style.pk) is not None
    result = factories.passing_report(GATES_THAT_MUST_PASS)
    replaced = {change["name"] for change in changes}
    gates = [row for row in result["gates"] if row["name"] not in replaced]
    return services.apply_style_gates(
        style_id=style.pk, result={**result, "gates": [*gates, *changes], **facts}
    )


def test_a_style_is_checked_in_the_background(owner, speaking, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        style = add(owner, speaking)
    assert sent == [("checks.style", str(style.pk))]
    style = checked(style)
    assert (style.state, style.clip.transcript) == ("approved", "The rain had stopped.")
    assert services.begin_style_check(style_id=style.pk) is None


def test_no_style_without_consent(owner, voice, speaking):
    with pytest.raises(Forbidden) as refusal:
        add(owner, voice)
    assert refusal.value.code == "consent_missing"
    services.revoke(principal=owner, voice_id=speaking.pk)
    with pytest.raises(Forbidden):
        add(owner, speaking)


def test_an_emotion_outside_the_scope_is_refused(owner, voice):
    submission = answered(owner, voice, emotions=["neutral"])
    services.apply_consent_gates(submission_id=submission.pk, result=report())
    with pytest.raises(Forbidden) as refusal:
        add(owner, voice)
    assert (refusal.value.code, refusal.value.limit) == ("scope_violation", ["neutral"])
    add(owner, voice, name="plain", emotion="neutral")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "So Sad!"}, "word_invalid"),
        ({"emotion": ""}, "word_invalid"),
        ({"language": "xx"}, "language_not_offered"),
        ({"transcript": "   "}, "text_missing"),
        ({"transcript": "x" * 1001}, "text_too_long"),
        ({"source": "tape"}, "source_unknown"),
    ],
)
def test_a_bad_style_is_refused_and_nothing_is_stored(owner, speaking, change, code):
    before = set(default_storage.listdir("recordings")[1])
    with pytest.raises(AssentError) as refusal:
        add(owner, speaking, **change)
    assert refusal.value.code == code
    assert set(default_storage.listdir("recordings")[1]) == before


def test_one_style_of_a_name_until_it_is_removed_or_rejected(owner, speaking):
    style = add(owner, speaking)
    with pytest.raises(Conflict):
        add(owner, speaking)
    checked(style, gate("speaker", "fail", "speaker_mismatch"))
    again = checked(add(owner, speaking))
    services.remove_style(principal=owner, style_id=again.pk)
    assert add(owner, speaking).state == "queued"


def test_a_foreign_voice_in_the_clip_is_rejected_and_dropped(
    owner, speaking, django_capture_on_commit_callbacks
):
    style = add(owner, speaking)
    name = style.upload.name
    with django_capture_on_commit_callbacks(execute=True):
        style = checked(style, gate("speaker", "fail", "speaker_mismatch"))
    assert (style.state, style.reasons[0]["code"]) == ("rejected", "speaker_mismatch")
    assert not default_storage.exists(name)


def test_a_doubtful_style_waits_for_somebody_else(owner, reviewer, speaking):
    style = checked(
        add(owner, speaking), gate("speaker", "review", "speaker_uncertain"), decision="needs_review"
    )
    assert style.state == "needs_review"
    with pytest.raises(Forbidden):
        services.review_style(principal=owner, style_id=style.pk, approve=True)
    assert services.review_style(principal=reviewer, style_id=style.pk, approve=True).state == "approved"


def test_no_style_is_approved_after_revocation(owner, reviewer, speaking):
    doubtful = checked(add(owner, speaking), gate("speaker", "review"), decision="needs_review")
    pending = add(owner, speaking, name="calm", emotion="calm")
    services.revoke(principal=owner, voice_id=speaking.pk)
    assert checked(pending).state == "rejected"
    with pytest.raises(Forbidden):
        services.review_style(principal=reviewer, style_id=doubtful.pk, approve=True)


def test_removing_erases_the_clip_and_is_for_those_who_may(
    owner, reviewer, stranger, speaking, django_capture_on_commit_callbacks
):
    style = factories.approved_style(owner, speaking)
    name = style.clip.file.name
    with pytest.raises(Forbidden):
        services.remove_style(principal=reviewer, style_id=style.pk)
    with pytest.raises(NotFound):
        services.remove_style(principal=stranger, style_id=style.pk)
    with django_capture_on_commit_callbacks(execute=True):
        services.remove_style(principal=owner, style_id=style.pk)
    assert not default_storage.exists(name)
    assert Style.objects.get(pk=style.pk).state == "removed"
    with pytest.raises(NotFound):
        services.remove_style(principal=owner, style_id=style.pk)


def test_a_voice_used_by_others_is_not_extended_from_elsewhere(owner, speaking):
    member = factories.member_principal(owner, Role.REVIEWER)
    with pytest.raises(Forbidden):
        add(member, speaking)
    assert Consent.objects.filter(voice=speaking, closed_as="").exists()
