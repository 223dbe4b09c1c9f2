"""Whoever lends a voice sees what they permit, says it, declares it; and nothing else can come of their recording."""

from __future__ import annotations

import re

import pytest
from django.db import connections

from accounts.consent import attestations, services
from accounts.consent.models import Challenge, Consent, Submission
from accounts.consent.scope import PURPOSES, Scope, make_scope
from accounts.consent.terms import refused_purposes, terms_of
from audit.models import Entry
from synth.errors import AssentError
from tests import factories
from tests.accounts.conftest import answer, answered, browser, gate, report, take

pytestmark = pytest.mark.django_db

COMMITTED = pytest.mark.django_db(databases="__all__", transaction=True)
WIDE = ["narration", "advertising"]


def code_of(action):
    with pytest.raises(AssentError) as refusal:
        action()
    return refusal.value.code


def tampered(challenge, **changes):
    """What the owner of the tables could do: round the triggers that hold a challenge as it was issued."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_challenge DISABLE TRIGGER USER")
    try:
        Challenge.objects.using("owner").filter(pk=challenge.pk).update(**changes)
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE accounts_challenge ENABLE TRIGGER USER")


def wider(challenge):
    return {**challenge.scope, "purposes": list(PURPOSES)}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scope_sha256": ""}, "scope_not_acknowledged"),
        ({"scope_sha256": "0" * 64}, "scope_changed"),
        ({"attestations": []}, "attestation_missing"),
        ({"attestations": ["scope_read"]}, "attestation_missing"),
        ({"attestations": ["adult"]}, "attestation_missing"),
        ({"attestations": ["adult", "something"]}, "attestation_missing"),
    ],
)
def test_no_recording_is_taken_without_what_has_to_be_declared(owner, voice, changes, code):
    challenge = services.issue_challenge(principal=owner, voice_id=voice.pk)
    declared = factories.acknowledged(challenge) | changes
    offer = lambda: services.submit_recording(  # noqa: E731
        principal=owner, challenge_id=challenge.pk, upload=take(), **declared
    )
    assert code_of(offer) == code
    assert not Submission.objects.exists()
    challenge.refresh_from_db()
    assert challenge.attempts == 0


def test_the_acknowledgement_of_one_challenge_does_not_serve_another(owner, voice):
    narrow = services.issue_challenge(principal=owner, voice_id=voice.pk, purposes=["narration"])
    wide = services.issue_challenge(principal=owner, voice_id=voice.pk, purposes=WIDE)
    offer = lambda: services.submit_recording(  # noqa: E731
        principal=owner, challenge_id=wide.pk, upload=take(), **factories.acknowledged(narrow)
    )
    assert code_of(offer) == "scope_changed"


def test_the_receipt_and_the_log_say_what_was_read_and_declared(owner, voice):
    challenge = services.issue_challenge(principal=owner, voice_id=voice.pk, purposes=WIDE)
    submission = services.submit_recording(
        principal=owner,
        challenge_id=challenge.pk,
        upload=take(),
        language="zh-hans",
        **factories.acknowledged(challenge),
    )
    services.begin_check(submission_id=submission.pk)
    services.apply_consent_gates(submission_id=submission.pk, result=report())
    receipt = Consent.objects.get().receipt
    assert receipt["scope_sha256"] == receipt["collection"]["acknowledged_scope_sha256"]
    assert receipt["scope_sha256"] == Scope.from_json(receipt["scope"]).sha256() == challenge.scope_sha256
    declared = {row["code"]: row for row in receipt["collection"]["attestations"]}
    assert declared["adult"]["wording"] == attestations.WORDING["adult"]["zh"]
    assert declared["scope_read"]["made_in_session_of"] == str(owner.user.pk)
    logged = Entry.objects.get(event="consent.recording_submitted").content["data"]
    assert (logged["scope_sha256"], logged["attestations"]) == (
        challenge.scope_sha256,
        ["scope_read", "adult"],
    )


@COMMITTED
def test_a_scope_changed_after_the_challenge_makes_it_void(owner, voice):
    challenge = services.issue_challenge(principal=owner, voice_id=voice.pk, purposes=["narration"])
    tampered(challenge, scope=wider(challenge))
    offer = lambda: services.submit_recording(  # noqa: E731
        principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
    )
    assert code_of(offer) == "challenge_void"


@COMMITTED
@pytest.mark.parametrize("rehashed", [False, True])
def test_a_scope_changed_while_the_recording_is_checked_founds_nothing(owner, voice, rehashed):
    challenge = services.issue_challenge(principal=owner, voice_id=voice.pk, purposes=["narration"])
    submission = answer(owner, challenge.pk)
    changes = {"scope": wider(challenge)}
    if rehashed:
        changes["scope_sha256"] = Scope.from_json(changes["scope"]).sha256()
    tampered(challenge, **changes)
    decided = services.apply_consent_gates(submission_id=submission.pk, result=report())
    assert decided.state == "rejected"
    assert [reason["code"] for reason in decided.reasons] == ["scope_changed"]
    assert not Consent.objects.exists()


@COMMITTED
def test_a_reviewer_cannot_approve_a_changed_scope(owner, voice, reviewer):
    submission = answered(owner, voice)
    services.apply_consent_gates(
        submission_id=submission.pk,
        result=report(gate("statement", "review", "language_needs_reviewer"), decision="needs_review"),
    )
    tampered(submission.challenge, scope=wider(submission.challenge))
    approve = lambda: services.review(  # noqa: E731
        principal=reviewer, submission_id=submission.pk, approve=True
    )
    assert code_of(approve) == "scope_changed"
    rejected = services.review(
        principal=reviewer, submission_id=submission.pk, approve=False, note="The scope was changed."
    )
    assert rejected.state == "rejected"


def test_without_the_purposes_heard_nothing_is_approved(owner, voice):
    submission = answered(owner, voice)
    decided = services.apply_consent_gates(submission_id=submission.pk, result=report(without=("purposes",)))
    assert decided.state == "needs_review"


def test_every_part_of_a_scope_is_told_in_plain_words():
    scope = make_scope(
        organisation_id="x",
        languages=["en", "zh"],
        purposes=["general", "political"],
        emotions=["sad"],
        excluded_terms=["never ever"],
        valid_days=1,
    )
    told = {term.part: term for term in terms_of(scope, organisation="Northern Light")}
    assert set(told) == {*Scope.__dataclass_fields__, "refused_purposes"}
    assert told["organisation"].items == ("Northern Light",)
    assert told["purposes"].marked == ("political speech",)
    assert told["purposes"].items[-1] == "political speech"
    assert told["languages"].items == ("English", "Chinese")
    assert told["emotions"].items == ("sad",)
    assert told["excluded_terms"].items == ("“never ever”",)
    assert told["valid_days"].text.startswith("1 day,")
    assert len(refused_purposes(scope)) == len(PURPOSES) - 2
    everything = make_scope(organisation_id="x", languages=["en"], purposes=list(PURPOSES))
    assert "refused_purposes" not in {term.part for term in terms_of(everything, organisation="N")}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_page_shows_the_terms_before_the_recorder_and_posts_their_hash(owner, voice, language):
    challenge = services.issue_challenge(
        principal=owner, voice_id=voice.pk, purposes=WIDE, excluded_terms=["abracadabra"], valid_days=90
    )
    client = browser(owner.user)
    page = client.get(f"/challenges/{challenge.pk}", headers={"accept-language": language}).content.decode()
    assert page.index("data-term") < page.index("data-statement") < page.index("data-recorder")
    assert "abracadabra" in page and "90" in page
    short = "zh" if language.startswith("zh") else "en"
    for wording in attestations.wordings(language).values():
        assert wording in page and attestations.WORDING["adult"][short] in page
    found = re.search(r'name="scope_sha256" value="([0-9a-f]{64})"', page)
    assert found and found[1] == challenge.scope_sha256

    path = f"/challenges/{challenge.pk}"
    refused = client.post(path, {"file": take(), "scope_sha256": found[1], "attestations": ["adult"]})
    assert refused.status_code == 400
    sent = client.post(
        path,
        {"file": take(), "scope_sha256": found[1], "attestations": ["adult", "scope_read"]},
        headers={"accept-language": language},
    )
    assert sent.status_code == 302
    stored = Submission.objects.get()
    assert {row["language"] for row in stored.attestations} == {short}
