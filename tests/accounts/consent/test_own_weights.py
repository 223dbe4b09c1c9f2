"""Weights made of a voice: only where the consent says so, and no longer than it does."""

from __future__ import annotations

import pytest

from accounts.consent import services
from accounts.consent.models import VoiceWeights
from accounts.consent.services.decisions import GATES_THAT_MUST_PASS
from accounts.consent.services.own_weights import FORGET_TASK
from audit.actors import SYSTEM
from audit.models import Entry
from synth.errors import AssentError, NotFound
from tests import factories
from tests.accounts.conftest import answered
from tests.accounts.consent.test_authorisation import ask

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
S1, S2 = "1" * 64, "2" * 64


def consented(owner, voice, **scope):
    submission = answered(owner, voice, **scope)
    result = factories.passing_report(GATES_THAT_MUST_PASS | {"speaker"})
    assert services.apply_consent_gates(submission_id=submission.pk, result=result).state == "approved"
    voice.refresh_from_db()
    return voice


def add(voice, s1=S1, s2=S2):
    return services.add_weights(actor=SYSTEM, voice_id=voice.pk, s1_sha256=s1, s2_sha256=s2)


def test_without_the_owners_word_no_weights_are_taken(owner, voice, speaking):
    for unwilling, code in ((voice, "consent_missing"), (speaking, "scope_violation")):
        with pytest.raises(AssentError) as refused:
            add(unwilling)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        services.add_weights(actor=SYSTEM, voice_id=owner.user.pk, s1_sha256=S1, s2_sha256=S2)
    assert not VoiceWeights.objects.exists()


def test_the_receipt_says_whether_weights_may_be_made(owner, voice, speaking):
    consented(owner, voice, custom_weights=True)
    assert voice.consents.get().receipt["scope"]["custom_weights"] is True
    assert speaking.consents.get().receipt["scope"]["custom_weights"] is False


def test_weights_are_logged_by_their_hashes_and_replaced_by_newer_ones(owner, voice):
    consented(owner, voice, custom_weights=True)
    first = add(voice)
    assert ask(owner, voice).weights == first
    second = add(voice, s1="3" * 64)
    assert ask(owner, voice).weights == second
    assert not services.weights_are_live(weights_id=first.pk)
    added = Entry.objects.filter(event="voice.weights_added").order_by("id")
    assert [entry.content["data"]["s1_sha256"] for entry in added] == [S1, "3" * 64]
    assert Entry.objects.get(event="voice.weights_removed").content["data"]["reason"] == "replaced"


@pytest.mark.parametrize("ending", ["revoked", "erased", "renewed", "removed"])
def test_weights_end_with_what_permitted_them(owner, voice, sent, ending):
    consented(owner, voice, custom_weights=True)
    weights = add(voice)
    if ending == "revoked":
        services.revoke(principal=owner, voice_id=voice.pk)
    elif ending == "erased":
        services.erase_voice(principal=owner, voice_id=voice.pk)
    elif ending == "renewed":
        consented(owner, voice)
    else:
        assert services.remove_weights(actor=SYSTEM, voice_id=voice.pk)
    assert not services.weights_are_live(weights_id=weights.pk)
    assert services.voices_with_weights() == set()
    assert (FORGET_TASK, str(voice.pk)) in sent
    assert Entry.objects.filter(event="voice.weights_removed").count() == 1


def test_a_renewed_consent_that_permits_them_keeps_them(owner, voice):
    consented(owner, voice, custom_weights=True)
    weights = add(voice)
    consented(owner, voice, custom_weights=True)
    assert ask(owner, voice).weights == weights


def test_styles_of_a_voice_without_weights_name_none(owner, speaking):
    factories.approved_style(owner, speaking, name="sad")
    assert ask(owner, speaking, style_name="sad").weights is None
