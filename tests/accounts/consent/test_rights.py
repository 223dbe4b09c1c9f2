"""Doubts that concern somebody else's rights: who decides them, who is told, and what stays of a withdrawn voice."""

from __future__ import annotations

import base64
import csv
import io
from datetime import timedelta

import numpy as np
import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.consent import selectors as consent_selectors
from accounts.consent import services as consent_services
from accounts.consent.models import Concern, Consent, Submission
from accounts.people.models import Membership
from accounts.people.principals import principal_of
from accounts.voices import protections
from accounts.voices import services as voice_services
from accounts.voices.models import Protection, Voice
from audit.models import Entry
from tests import factories
from tests.accounts.conftest import answered, browser, gate, report, waiting_for_review

pytestmark = pytest.mark.django_db
ADA = 7
JSON = "application/json"


def offered(principal, *, speaker=ADA, person_name="Bea Carter", **changes):
    """A recording in `speaker`'s voice, handed in by `principal` for a new voice and measured without any objection."""
    voice = voice_services.register_voice(
        principal=principal, name="New", person_name=person_name, language="en"
    )
    submission = answered(principal, voice)
    result = report(**changes) | {"speaker_embedding": factories.embedding(speaker).tolist()}
    return consent_services.apply_consent_gates(submission_id=submission.pk, result=result)


def kinds(submission):
    return sorted(submission.concerns.values_list("kind", flat=True))


def installation_reviewer():
    """Somebody who reviews for the installation, and belongs to an organisation of their own."""
    principal = factories.owner_principal()
    principal.user.is_reviewer = True
    principal.user.save()
    return principal


def reviewing(principal, submission, *, approve=True, note="The same person, compared by ear."):
    path = f"/api/v1/review/submissions/{submission.pk}"
    return browser(principal.user).post(path, {"approve": approve, "note": note}, JSON)


@pytest.fixture
def ada(owner):
    """Another organisation's voice."""
    return factories.consented_voice(owner, speaker=ADA)


@pytest.mark.provokes("not_impartial", "reason_missing", "decided_already", "objection_period")
@pytest.mark.provokes("consent.approval_given")
def test_somebody_elses_voice_is_decided_outside_by_two_after_the_owner_could_object(
    owner, stranger, ada, time_machine_at
):
    submission = offered(stranger)
    assert (submission.state, submission.decided_in, kinds(submission)) == (
        "needs_review",
        "installation",
        ["protected_voice"],
    )
    assert not Consent.objects.filter(voice__organisation=stranger.organisation).exists()
    # The accomplice inside, and whoever belongs to the other side.
    accomplice = factories.member_principal(stranger, "reviewer")
    assert reviewing(accomplice, submission).status_code == 404
    appointed = {accomplice: "submission_not_found"}
    appointed |= dict.fromkeys((owner, factories.member_principal(owner, "reviewer")), "not_impartial")
    for inside, code in appointed.items():
        inside.user.is_reviewer = True
        inside.user.save()
        assert reviewing(inside, submission).json()["code"] == code
    first, second = installation_reviewer(), installation_reviewer()
    assert reviewing(first, submission, note="").json()["code"] == "reason_missing"
    assert reviewing(first, submission).json()["code"] == "objection_period"
    time_machine_at(timezone.now() + timedelta(days=3, minutes=1))
    assert reviewing(first, submission).json()["state"] == "needs_review"
    assert reviewing(first, submission).json()["code"] == "decided_already"
    assert reviewing(second, submission).json()["state"] == "approved"
    assert (
        Consent.objects.get(voice__organisation=stranger.organisation).receipt["checks"]["decided_by"]
        == "reviewer"
    )


@pytest.mark.provokes(
    "voice.likeness_answered", "likeness_answered", "likeness_decided", "likeness_not_found"
)
def test_the_other_owner_is_told_without_learning_who_and_objects(
    owner, stranger, ada, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        submission = offered(stranger)
    (letter,) = mail.outbox
    assert letter.to == [owner.user.email] and "sounds like" in letter.subject and "声音" in letter.body
    stranger_names = (stranger.organisation.name, stranger.user.email, "Bea Carter", str(submission.pk))
    assert not any(name in letter.body for name in stranger_names)
    client = browser(owner.user)
    (likeness,) = client.get("/api/v1/likenesses").json()
    told = Entry.objects.filter(subject=f"voice:{ada.pk}").latest("id")
    assert told.event == "voice.likeness_found"
    assert not any(
        name in str((likeness, told.content)) for name in (*stranger_names, str(stranger.organisation.pk))
    )
    path = f"/api/v1/likenesses/{likeness['id']}"
    assert browser(stranger.user).post(path, {"objects": True}, JSON).json()["code"] == "likeness_not_found"
    page = f"/likenesses/{likeness['id']}"
    assert (
        "sounds like" in client.get(page).content.decode()
        and "/likenesses" in client.get("/voices").content.decode()
    )
    assert client.post(page, {"answer": "object", "text": "That is me."})["location"] == page
    assert client.post(path, {"objects": False}, JSON).json()["code"] == "likeness_answered"
    reviewer = installation_reviewer()
    seen = browser(reviewer.user).get(f"/review/submissions/{submission.pk}").content.decode()
    assert "That is me." in seen and "Ada Byron" in seen and owner.user.email not in seen
    assert reviewing(reviewer, submission, approve=False).json()["state"] == "rejected"
    client.post(f"/voices/{ada.pk}/erase", {})
    assert submission.concerns.get().objection == "", "what was written of an erased voice goes with it"
    again = offered(stranger)
    Submission.objects.filter(pk=again.pk).update(state="rejected", decided_at=timezone.now())
    late = Concern.objects.get(submission=again)
    assert (
        client.post(f"/api/v1/likenesses/{late.pk}", {"objects": False}, JSON).json()["code"]
        == "likeness_decided"
    )


def test_a_reviewer_hears_both_side_by_side_until_it_is_decided(owner, stranger, ada):
    submission = offered(stranger)
    reviewer = installation_reviewer()
    client = browser(reviewer.user)
    assert submission.pk in {row.pk for row in consent_selectors.review_queue(reviewer)}
    shown = client.get(
        f"/review/submissions/{submission.pk}", headers={"accept-language": "zh-CN"}
    ).content.decode()
    theirs = ada.clips.get()
    for clip in (submission.clip_id, theirs.pk):
        address = f"/review/submissions/{submission.pk}/clips/{clip}"
        assert address in shown
        assert client.get(address)["content-type"] == "audio/wav"
        assert browser(stranger.user).get(address).status_code == 404
    assert client.get(f"/clips/{theirs.pk}/audio").status_code == 404
    assert (
        client.post(
            f"/review/submissions/{submission.pk}", {"decision": "reject", "note": "Another's."}
        ).status_code
        == 302
    )
    assert client.get(f"/review/submissions/{submission.pk}/clips/{theirs.pk}").status_code == 404


def test_doubts_about_words_stay_in_the_organisation(owner, reviewer, voice):
    submission = waiting_for_review(owner, voice)
    assert submission.decided_in == "organisation"
    assert reviewing(installation_reviewer(), submission).status_code == 404
    assert reviewing(reviewer, submission).json()["state"] == "approved"


def test_a_doubt_that_came_to_concern_somebody_while_it_waited_is_handed_over(owner, stranger, voice):
    submission = waiting_for_review(owner, voice)  # in the voice that `report` gives everybody
    factories.consented_voice(stranger, speaker=0)
    accomplice = factories.member_principal(owner, "reviewer")
    assert reviewing(accomplice, submission).json()["decided_in"] == "installation"
    assert not Consent.objects.filter(voice=voice).exists()


@pytest.mark.provokes("consent.referred")
def test_a_reviewer_hands_over_what_is_not_theirs_to_decide(owner, reviewer, voice):
    submission = waiting_for_review(owner, voice)
    path = f"/api/v1/review/submissions/{submission.pk}/refer"
    assert (
        browser(reviewer.user).post(path, {"note": "She sounds twelve."}, JSON).json()["decided_in"]
        == "installation"
    )
    assert reviewing(reviewer, submission).status_code == 404
    assert reviewing(installation_reviewer(), submission, approve=False).json()["state"] == "rejected"


def test_one_voice_speaks_for_one_name(owner, django_capture_on_commit_callbacks):
    first = offered(owner, person_name="Ada Byron")
    assert first.state == "approved"
    again = offered(owner, person_name="Byron, Áda")
    assert again.state == "approved", "the same person, written another way"
    with django_capture_on_commit_callbacks(execute=True):
        second = offered(owner, person_name="Charles Babbage")
    assert (second.decided_in, kinds(second)) == ("installation", ["second_name", "second_name"])
    assert not mail.outbox, "nobody else is concerned who could be told"


@pytest.mark.provokes("registered_again")
@pytest.mark.parametrize("end", ["revoke", "erase"])
def test_a_withdrawn_voice_stays_down_for_everybody_else(
    owner, stranger, ada, end, django_capture_on_commit_callbacks
):
    if end == "revoke":
        browser(owner.user).post(f"/api/v1/voices/{ada.pk}/revoke", {}, JSON)
    else:
        browser(owner.user).post(f"/voices/{ada.pk}/erase", {})
        assert Voice.objects.get(pk=ada.pk).speaker_embedding is None
    kept = Protection.objects.get(voice=ada)
    assert (len(kept.print), kept.name) == (256, "")
    with django_capture_on_commit_callbacks(execute=True):
        submission = offered(stranger)
    assert (submission.decided_in, kinds(submission)) == ("installation", ["stay_down"])
    assert [message.to for message in mail.outbox] == [[owner.user.email]]
    # The same person in the same hands: a doubt, and the organisation's own.
    again = offered(owner, person_name="Ada Byron")
    assert (again.state, again.decided_in, again.reasons[-1]["code"]) == (
        "needs_review",
        "organisation",
        "registered_again",
    )
    shown = browser(owner.user).get(f"/api/v1/submissions/{again.pk}").json()
    assert shown["reasons"][-1]["code"] == "registered_again"
    assert offered(stranger, speaker=8).state == "approved"


@pytest.mark.provokes("voice.print_declined")
def test_whoever_wants_no_print_leaves_none(owner, stranger, ada):
    browser(owner.user).post(f"/voices/{ada.pk}/erase", {"decline_print": "on"})
    assert not Protection.objects.exists()
    assert offered(stranger).state == "approved"


@pytest.mark.parametrize("end", ["revoke", "erase"])
def test_the_organisation_does_not_decline_the_print_of_somebody_elses_voice(owner, ada, end):
    boss = factories.member_principal(owner, "owner")
    assert browser(boss.user).post(f"/voices/{ada.pk}/{end}", {"decline_print": "on"}).status_code == 302
    assert Protection.objects.filter(voice=ada).exists()


def test_what_was_taken_down_stays_down_whatever_its_account_does_with_it(owner, ada):
    protections.keep_print(ada, kind=Protection.Kind.TAKEN_DOWN)
    browser(owner.user).post(f"/api/v1/voices/{ada.pk}/revoke", {}, JSON)
    browser(owner.user).post(f"/voices/{ada.pk}/erase", {"decline_print": "on"})
    assert Protection.objects.get(voice=ada).kind == "taken_down"
    again = offered(owner, person_name="Ada Byron")
    assert (again.decided_in, kinds(again)) == ("installation", ["stay_down"])


def test_a_renewal_asks_no_second_time_about_a_likeness_that_was_settled(
    owner, stranger, ada, time_machine_at
):
    submission = offered(stranger)
    time_machine_at(timezone.now() + timedelta(days=4))
    assert [reviewing(installation_reviewer(), submission).status_code for _ in range(2)] == [200, 200]
    renewed = answered(stranger, submission.challenge.voice)
    result = report(gate("speaker", "pass")) | {"speaker_embedding": factories.embedding(ADA).tolist()}
    assert consent_services.apply_consent_gates(submission_id=renewed.pk, result=result).state == "approved"


@pytest.mark.provokes(
    "blocklist.changed", "listed_kind", "listed_empty", "listed_embedding", "listed_not_found"
)
def test_a_block_list_of_names_and_voices_is_imported_and_met(owner, tmp_path):
    path = tmp_path / "list.csv"
    embedding = base64.b64encode(factories.embedding(11).astype("<f4").tobytes()).decode()
    rows = [
        {"kind": "public_figure", "name": "Greta Vale"},
        {"kind": "deceased", "name": "Ann Lee", "note": "asked by the estate"},
        {"kind": "blocked", "embedding": embedding},
    ]

    def imported(rows):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["kind", "name", "note", "embedding"])
            writer.writeheader()
            writer.writerows(rows)
        out = io.StringIO()
        call_command("blocklist", "import", str(path), stdout=out)
        return out.getvalue()

    assert (imported(rows), imported(rows)) == ("3 added\n", "0 added\n")
    assert kinds(offered(owner, speaker=1, person_name="GRETA  Vаle")) == ["public_figure"]
    assert kinds(offered(owner, speaker=2, person_name="Lee, Ann")) == ["deceased"]
    heard = offered(owner, speaker=11, person_name="Somebody Else")
    assert (heard.decided_in, kinds(heard)) == ("installation", ["blocked_voice"])
    assert [row["code"] for row in heard.reasons] == ["rights_doubt"], "the list is not read out"
    for bad in (
        {"kind": "nobody", "name": "A"},
        {"kind": "blocked"},
        {"kind": "blocked", "embedding": "AAAA"},
    ):
        with pytest.raises(CommandError):
            imported([bad])
    with pytest.raises(CommandError):
        call_command("blocklist", "remove", "--name", "Nobody Here")
    call_command("blocklist", "remove", "--name", "vale greta")
    assert offered(owner, speaker=3, person_name="Greta Vale").state == "approved"


@pytest.mark.provokes("reviewer.changed", "account_not_found")
def test_the_installations_reviewers_are_appointed_on_the_command_line(owner, stranger, ada):
    out = io.StringIO()
    somebody = factories.owner_principal()
    call_command("reviewer", "add", somebody.user.email, stdout=out)
    assert out.getvalue().split() == [somebody.user.email]
    submission = offered(stranger)
    membership = Membership.objects.select_related("user", "organisation").get(user=somebody.user)
    assert reviewing(principal_of(membership), submission, approve=False).json()["state"] == "rejected"
    call_command("reviewer", "remove", somebody.user.email, stdout=out)
    assert browser(somebody.user).get("/review").status_code == 200, (
        "an owner reviews their own organisation's"
    )
    assert (
        f"/review/submissions/{submission.pk}" not in browser(somebody.user).get("/review").content.decode()
    )
    with pytest.raises(CommandError):
        call_command("reviewer", "add", "nobody@example.org")


def test_prints_tell_likeness_and_nothing_without_the_key(settings, tmp_path):
    from accounts.voices import prints

    generator = np.random.default_rng(5)
    ada = np.abs(factories.embedding(3))
    ada /= np.linalg.norm(ada)
    for wanted in (0.95, 0.8, 0.6):
        away = generator.normal(size=256)
        away -= away @ ada * ada
        other = wanted * ada + np.sqrt(1 - wanted**2) * away / np.linalg.norm(away)
        told = prints.likenesses(np.frombuffer(prints.print_of(ada), np.uint8)[None], prints.print_of(other))
        assert abs(float(told[0]) - wanted) < 0.06
    known = prints.print_of(ada)
    (tmp_path / "mark-master.key").write_text("5" * 64)
    settings.ASSENT_KEYS_DIR = tmp_path
    assert abs(float(prints.likenesses(np.frombuffer(known, np.uint8)[None], prints.print_of(ada))[0])) < 0.15
