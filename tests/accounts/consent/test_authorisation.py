"""May this be spoken, by this caller, now: the one door for every use of a voice."""

from __future__ import annotations

import pytest
from django.db.transaction import TransactionManagementError

from accounts.consent import services as consent_services
from accounts.consent.models import Consent
from accounts.consent.pronounced import refuse_excluded
from accounts.consent.scope import Scope, check_use
from accounts.people import services as people_services
from accounts.people.folding import name_of
from accounts.people.models import Membership
from accounts.people.permissions import Role
from accounts.people.principals import principal_of
from synth.errors import AssentError, Forbidden, NotFound
from synth.text.dictionary import Dictionary, Entry
from tests import factories
from tests.accounts.conftest import answered, report

pytestmark = pytest.mark.django_db


def ask(principal, voice, /, **changes):
    given = {"voice": voice.pk, "text": "Good morning.", "language": "en"}
    return consent_services.authorise(principal=principal, **(given | changes))


def code_of(action):
    with pytest.raises(AssentError) as refusal:
        action()
    return refusal.value.code, refusal.value.http_status


def consented(owner, voice, **scope):
    submission = answered(owner, voice, **scope)
    assert (
        consent_services.apply_consent_gates(submission_id=submission.pk, result=report()).state == "approved"
    )
    return voice


def test_yes_names_voice_style_consent_and_version(owner, speaking):
    sad = factories.approved_style(owner, speaking, name="sad")
    answer = ask(owner, speaking, style_name="sad")
    assert (answer.voice, answer.style) == (speaking, sad)
    assert answer.consent == Consent.objects.get(voice=speaking)
    assert answer.consent_version == answer.consent.version
    assert answer.consent.submission.clip.kind == "consent"


def test_a_voice_is_found_by_id_by_slug_and_by_row(owner, speaking):
    for name in (speaking, speaking.pk, str(speaking.pk), speaking.slug):
        assert ask(owner, speaking, voice=name).voice == speaking


def test_without_a_style_the_neutral_one_or_none(owner, speaking):
    assert ask(owner, speaking).style is None
    neutral = factories.approved_style(owner, speaking, name="neutral")
    assert ask(owner, speaking).style == neutral


def test_every_further_style_and_text_must_be_permitted(owner, voice):
    consented(owner, voice, emotions=["neutral", "sad"], excluded_terms=["tobacco"])
    sad = factories.approved_style(owner, voice, name="sad")
    assert ask(owner, voice, further_styles=["sad"]).further == {"sad": sad}
    assert code_of(lambda: ask(owner, voice, further_styles=["sad", "angry"])) == ("style_not_found", 404)
    assert code_of(lambda: ask(owner, voice, further_texts=["Buy tobacco."])) == ("scope_violation", 403)


def test_unknown_and_foreign_voices_look_the_same(owner, stranger, speaking):
    foreign = code_of(lambda: ask(stranger, speaking))
    unknown = code_of(lambda: ask(stranger, speaking, voice="018f0000-0000-7000-8000-000000000000"))
    slug = code_of(lambda: ask(stranger, speaking, voice=speaking.slug))
    strange = code_of(lambda: ask(stranger, speaking, voice="../../etc/passwd\x00"))
    assert foreign == unknown == slug == strange == ("voice_not_found", 404)


def test_an_owner_does_not_speak_with_their_voice_from_elsewhere(owner, speaking):
    other = people_services.create_organisation(owner=owner.user, name="Elsewhere")
    elsewhere = principal_of(
        Membership.objects.select_related("user", "organisation").get(user=owner.user, organisation=other)
    )
    with pytest.raises(NotFound):
        ask(elsewhere, speaking)


def test_refusals_by_consent_are_403(owner, voice, speaking):
    assert code_of(lambda: ask(owner, voice)) == ("consent_missing", 403)
    for unknown in ("sad", "x\x00", "\ud800", "x" * 5000):
        assert code_of(lambda name=unknown: ask(owner, speaking, style_name=name)) == ("style_not_found", 404)
    consent_services.suspend(principal=owner, voice_id=speaking.pk)
    assert code_of(lambda: ask(owner, speaking)) == ("voice_suspended", 403)
    consent_services.resume(principal=owner, voice_id=speaking.pk)
    consent_services.revoke(principal=owner, voice_id=speaking.pk)
    assert code_of(lambda: ask(owner, speaking)) == ("consent_revoked", 403)


def test_an_expired_consent_refuses_with_and_without_the_task(owner, speaking, time_machine_at):
    until = Consent.objects.get(voice=speaking).valid_until
    time_machine_at(until)
    assert code_of(lambda: ask(owner, speaking)) == ("consent_expired", 403)
    consent_services.expire_consents(now=until)
    assert code_of(lambda: ask(owner, speaking)) == ("consent_expired", 403)


def test_only_roles_that_speak_do(owner, speaking):
    for role in (Role.REVIEWER, Role.AUDITOR):
        member = factories.member_principal(owner, role)
        assert code_of(lambda member=member: ask(member, speaking)) == ("scope_missing", 403)


def test_the_scope_binds_purpose_language_emotion_and_words(owner, voice):
    consented(
        owner, voice, purposes=["dubbing"], languages=["en"], emotions=["neutral"],
        excluded_terms=["Mega Corp", "烟草", "ass"],
    )  # fmt: skip

    def refusal(**changes):
        with pytest.raises(Forbidden) as error:
            ask(owner, voice, **{"purpose": "dubbing", **changes})
        assert error.value.code == "scope_violation"
        return error.value

    assert refusal(purpose="general").extra["param"] == "purpose"
    assert refusal(purpose="anything").limit == ["dubbing"]
    assert refusal(language="zh").extra["param"] == "language"
    for text in ("Buy MEGA  corp today", "Ｍｅｇａ Corp!", "这是烟草广告", "You ass.", "megacorp", "烟 草"):
        error = refusal(text=text)
        assert error.extra["param"] == "text"
        assert error.limit is None and "Mega" not in error.message
    for text in ("The assembly met.", "Mega corporation", "a mega corpse"):
        assert ask(owner, voice, purpose="dubbing", text=text)


@pytest.mark.parametrize(
    "cut", ["\u200b", "\u200d", "\u00ad", "\u2060", "\ufeff", "\u034f", "\ufe0f", "\u3164"]
)
def test_an_excluded_word_cut_by_what_nobody_sees_is_still_that_word(cut):
    scope = Scope(
        organisation="o", purposes=("general",), languages=("en",), excluded_terms=("tobacco", "烟草")
    )
    use = {"organisation_id": "o", "purpose": "general", "language": "en", "emotions": []}
    for text in (f"Buy tob{cut}acco.", f"Buy {cut}tobacco{cut}.", f"烟{cut}草"):
        with pytest.raises(Forbidden) as error:
            check_use(scope, spoken=["Fine words.", text], **use)
        assert error.value.extra["param"] == "text"
    check_use(scope, spoken=[f"Buy to{cut}mato."], **use)


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\ufeff", "\u034f", "\ufe0f"])
def test_a_name_cut_by_what_nobody_sees_is_still_that_name(unseen):
    assert name_of(f"Ad{unseen}a By{unseen}ron") == name_of("Byron, Ada") == "ada byron"


@pytest.mark.parametrize(
    "written",
    [
        "BITCOINS",
        "b i t c o i n",
        "bitc\u043ein",
        "bit coin",
        "bit-coin",
        "B.I.T.C.O.I.N.",
        "bítcoin",
        "bitcoin's",
    ],
)
def test_an_excluded_word_is_heard_however_it_is_written(written):
    scope = Scope(
        organisation="o", purposes=("general",), languages=("en",), excluded_terms=("bitcoin", "stop")
    )
    use = {"organisation_id": "o", "purpose": "general", "language": "en", "emotions": []}
    for text in (f"Buy {written} now.", "Stopping it, they stopped."):
        with pytest.raises(Forbidden):
            check_use(scope, spoken=[text], **use)
    check_use(scope, spoken=["A rabbit coined a bit of coinage; the topper stood."], **use)


def test_emotions_bind_styles():
    scope = Scope(organisation="o", purposes=("general",), languages=("en",), emotions=("neutral",))
    use = {"organisation_id": "o", "purpose": "general", "language": "en", "spoken": ["x"]}
    check_use(scope, emotions=["neutral"], **use)
    check_use(scope, emotions=[], **use)
    with pytest.raises(Forbidden):
        check_use(scope, emotions=["neutral", "sad"], **use)
    with pytest.raises(Forbidden):
        check_use(scope, emotions=["neutral"], **{**use, "organisation_id": "p"})


def test_a_remembered_version_goes_stale(speaking):
    consent = Consent.objects.get(voice=speaking)
    assert consent_services.consent_is_live(consent_id=consent.pk, version=consent.version, lock=True)
    assert not consent_services.consent_is_live(consent_id=consent.pk, version=consent.version + 1)
    assert not consent_services.consent_is_live(consent_id=speaking.pk, version=1, lock=True)


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_the_lock_needs_a_transaction(owner):
    voice = factories.consented_voice(owner)
    consent = Consent.objects.get(voice=voice)
    with pytest.raises(TransactionManagementError):
        consent_services.consent_is_live(consent_id=consent.pk, version=consent.version, lock=True)


def test_excluded_words_stand_in_no_way_of_a_language_that_takes_no_pronunciations():
    scope = {"excluded_terms": ["casino"]}
    words = Dictionary((Entry("es", "hola", reading="o l a"),))
    refuse_excluded(scope, "es", [("Hola a todos.", words)])
    refuse_excluded(scope, "pt", [("Bom dia.", Dictionary())])
