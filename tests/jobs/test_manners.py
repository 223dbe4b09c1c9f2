"""Jobs in several styles, with pronunciations and parameters: authorised, kept, logged, withdrawn."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.consent import services as consent
from accounts.people.permissions import SPEECH_READ, Role
from audit.actors import SYSTEM
from audit.models import Entry
from synth.errors import AssentError, Conflict, Forbidden, NotFound
from synth.jobs import selectors, services
from synth.jobs.models import DictionaryVersion, JobState, JobStyle, SynthesisJob
from synth.jobs.serializers import job_answer
from synth.jobs.services import JobStopped
from synth.text.dictionary import Entry as Word
from tests import factories
from tests.jobs.test_services import finished, owner, reserved, voice  # noqa: F401 - fixtures
from tests.jobs.test_withdrawals import renew

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
TAGGED = "The letter came. [sad]Nobody opened it[/sad], not for days."


@pytest.fixture
def speak(owner, voice):  # noqa: F811
    factories.approved_style(owner, voice, name="calm")

    def submit(text=TAGGED, **more):
        return services.submit_job(principal=owner, voice=str(voice.id), text=text, **more)

    return submit


def names(job):
    return {row.style.name: row.weight for row in JobStyle.objects.filter(job=job).select_related("style")}


def refusal(action, **more):
    with pytest.raises(AssentError) as refused:
        action(**more)
    return refused.value.code


def test_tags_become_styles_of_the_job(speak):
    job = speak(input_type="tags")
    assert job.text == "The letter came. Nobody opened it, not for days."
    assert job.source_text == TAGGED
    assert names(job) == {"neutral": 1.0, "sad": None}
    sad = JobStyle.objects.get(job=job, weight=None).style
    assert [part["style_id"] for part in job.segments] == [None, str(sad.pk), None]
    assert set(job.authorised_entry.content["data"]["style_ids"]) == {str(job.style_id), str(sad.pk)}
    answer = job_answer(selectors.job_row(job.id))
    assert answer["input_type"] == "tags" and answer["text"] == job.text
    assert answer["styles"] == [{"name": "neutral", "weight": 1.0}, {"name": "sad", "weight": None}]


def test_plain_text_is_not_read_as_markup(speak):
    job = speak()
    assert (job.text, job.segments, job.source_text) == (TAGGED, [], "")


def test_a_tag_asks_for_the_voices_own_styles_alone(speak):
    assert refusal(speak, text="[jolly]Ho[/jolly] he said", input_type="tags") == "style_not_found"
    assert Entry.objects.filter(event="synthesis.refused").count() == 1
    assert not SynthesisJob.objects.exists()


def test_tags_lie_within_the_emotions_of_the_consent(owner):  # noqa: F811
    narrow = factories.consented_voice(owner, emotions=["neutral", "sad"], excluded_terms=["tobacco"])
    factories.approved_style(owner, narrow, name="sad")

    def submit(text):
        return services.submit_job(principal=owner, voice=str(narrow.id), text=text, input_type="tags")

    assert submit("[sad]Oh[/sad] well.")
    # A renewed consent that is narrower: the style stays approved, and is not spoken with.
    assert renew(owner, narrow, emotions=["neutral"]).state == "approved"
    assert refusal(submit, text="[sad]Oh[/sad] well.") == "scope_violation"


@pytest.mark.parametrize(
    ("text", "input_type"),
    [
        ("Buy [sad]to[/sad]bacco.", "tags"),
        ("<speak>Buy to<break/>bacco.</speak>", "ssml"),
        ("<speak>Buy <sub alias='tobacco'>weed</sub>.</speak>", "ssml"),
        ("Buy smoke.", "plain"),
    ],
)
def test_excluded_words_are_found_behind_markup_and_aliases(owner, text, input_type):  # noqa: F811
    strict = factories.consented_voice(owner, excluded_terms=["tobacco"])
    factories.approved_style(owner, strict, name="sad")
    services.save_dictionary(principal=owner, entries=[Word("en", "smoke", alias="tobacco")])
    with pytest.raises(Forbidden) as refused:
        services.submit_job(principal=owner, voice=str(strict.id), text=text, input_type=input_type)
    assert refused.value.extra["param"] == "text"


def test_styles_are_blended_by_weight(speak):
    blend = [{"name": "calm", "weight": 0.3}, {"name": "sad", "weight": 0.7}]
    job = speak(text="How it rains.", styles=blend)
    assert job.style.name == "sad"
    assert names(job) == {"sad": 0.7, "calm": 0.3}
    for wrong in (
        [*blend, {"name": "sad", "weight": 1.0}],
        [{"name": "sad", "weight": 0.0}],
        [{"name": "sad", "weight": float("nan")}],
        [{"name": "", "weight": 1.0}],
        [{"name": f"s{n}", "weight": 1.0} for n in range(5)],
    ):
        assert refusal(speak, styles=wrong) == "styles_invalid"
    assert refusal(speak, styles=blend, style="sad") == "styles_invalid"
    assert refusal(speak, styles=[{"name": "jolly"}]) == "style_not_found"


def test_parameters_and_paces_are_checked(speak):
    job = speak(parameters={"preset": "expressive", "top_k": 20})
    assert job.parameters == {"preset": "expressive", "top_k": 20}
    assert refusal(speak, parameters={"top_k": 0}) == "parameter_out_of_range"
    slow = "<speak><prosody rate='50%'>So slow.</prosody></speak>"
    assert speak(text=slow, input_type="ssml", speed=0.5)
    assert refusal(speak, text=slow, input_type="ssml", speed=0.4) == "speed_out_of_range"
    assert refusal(speak, text="<speak><break time='1s'/></speak>", input_type="ssml") == "text_empty"


def test_the_same_request_is_known_by_everything_in_it(speak):
    first = speak(idempotency_key="k", input_type="tags")
    assert speak(idempotency_key="k", input_type="tags").id == first.id
    for change in ({"input_type": "plain"}, {"parameters": {"top_k": 5}}, {"styles": [{"name": "sad"}]}):
        assert refusal(speak, **{"idempotency_key": "k", "input_type": "tags", **change}) == (
            "idempotency_mismatch"
        )


# ---- what is withdrawn


def test_a_tagged_style_that_was_removed_stops_the_job(owner, speak):  # noqa: F811
    job = services.claim_job(job_id=speak(input_type="tags").id, worker="w")
    tagged = JobStyle.objects.get(job=job, weight=None).style
    consent.remove_style(principal=owner, style_id=tagged.pk)
    with pytest.raises(JobStopped, match="style"):
        services.beat(job=job, stage="speaking", progress=0.5)
    with pytest.raises(JobStopped, match="style"):
        services.release_job(job=job, mark=reserved(job), finished=finished())


@pytest.mark.parametrize("name", ["sad", "calm"])
def test_removing_a_style_and_releasing_cannot_cross(owner, speak, name):  # noqa: F811
    """Neither where a tag asks for it (sad) nor where only the timbre is taken from it (calm)."""
    job = services.claim_job(job_id=speak(input_type="tags").id, worker="w")
    tagged = JobStyle.objects.get(job=job, weight=None).style
    removed = threading.Event()

    def remove() -> None:
        consent.remove_style(principal=owner, style_id=job.voice.styles.get(name=name).pk)
        removed.set()
        connection.close()

    with transaction.atomic():
        services.release_job(job=job, mark=reserved(job), finished=finished())
        thread = threading.Thread(target=remove)
        thread.start()
        assert not removed.wait(0.5)  # it waits for the release to commit
    thread.join(timeout=10)
    assert removed.is_set()
    job.refresh_from_db()
    assert job.state == JobState.RELEASED
    assert set(job.output.entry.content["data"]["style_ids"]) == {str(job.style_id), str(tagged.pk)}


@pytest.mark.parametrize("ending", ["removed", "replaced", "revoked"])
def test_weights_that_count_no_longer_stop_the_job(owner, ending):  # noqa: F811
    voice = factories.consented_voice(owner, custom_weights=True)  # noqa: F811
    consent.add_weights(actor=SYSTEM, voice_id=voice.pk, s1_sha256="1" * 64, s2_sha256="2" * 64)
    made = services.submit_job(principal=owner, voice=str(voice.id), text="The letter came.")
    assert made.authorised_entry.content["data"]["weights_id"] == str(made.weights_id)
    job = services.claim_job(job_id=made.id, worker="w")
    services.beat(job=job, stage="speaking", progress=0.1)
    if ending == "removed":
        consent.remove_weights(actor=SYSTEM, voice_id=voice.pk)
    elif ending == "replaced":
        consent.add_weights(actor=SYSTEM, voice_id=voice.pk, s1_sha256="3" * 64, s2_sha256="4" * 64)
    else:
        consent.revoke(principal=owner, voice_id=voice.pk)
    with pytest.raises(JobStopped) as stopped:
        services.release_job(job=job, mark=reserved(job), finished=finished())
    services.stop_job(job=job, reason=stopped.value.reason)
    job.refresh_from_db()
    assert job.error["code"] == ("cancelled_consent_revoked" if ending == "revoked" else "weights_removed")


# ---- pronunciations


def test_every_change_of_the_dictionary_is_a_version(owner, speak):  # noqa: F811
    assert speak().dictionary is None
    first = services.put_word(principal=owner, entry=Word("en", "GIF", reading="JH IH1 F"))
    second = services.put_word(principal=owner, entry=Word("zh", "重庆", reading="chong2 qing4"))
    assert (first.version, second.version, second.word_count) == (1, 2, 2)
    assert services.put_word(principal=owner, entry=Word("zh", "重庆", reading="chong2 qing4")) == second
    job = speak()
    assert job.dictionary == second
    assert job.authorised_entry.content["data"]["dictionary_version"] == 2
    assert speak(dictionary_version=1).dictionary == first
    assert speak(dictionary_version=0).dictionary is None
    assert refusal(speak, dictionary_version=9) == "dictionary_not_found"
    emptied = services.save_dictionary(principal=owner, entries=[])
    assert emptied.version == 3 and speak().dictionary is None
    entries = Entry.objects.filter(event="dictionary.changed").order_by("id")
    assert [entry.content["data"]["dictionary_sha256"] for entry in entries] == [
        first.sha256, second.sha256, emptied.sha256,
    ]  # fmt: skip
    assert "GIF" not in str([entry.content for entry in entries])
    assert services.remove_word(principal=owner, language="en", word="GIF") == emptied


def test_dictionaries_belong_to_their_organisation_and_their_editors(owner, speak):  # noqa: F811
    services.put_word(principal=owner, entry=Word("en", "GIF", reading="JH IH1 F"))
    stranger = factories.owner_principal()
    assert selectors.current_dictionary(stranger.organisation) is None
    with pytest.raises(NotFound):
        selectors.dictionary_version(stranger.organisation, 1)
    auditor = factories.member_principal(owner, Role.AUDITOR)
    with pytest.raises(Forbidden):
        services.save_dictionary(principal=auditor, entries=[])
    deaf = replace(owner, scopes=owner.scopes - {SPEECH_READ})
    for read in (selectors.dictionaries_for, lambda key: selectors.dictionary_version_for(key, 1)):
        assert read(owner)
        with pytest.raises(Forbidden):
            read(deaf)


def test_an_overtaken_change_is_refused(owner):  # noqa: F811
    services.save_dictionary(principal=owner, entries=[Word("en", "a", alias="b")], if_version=0)
    with pytest.raises(Conflict):
        services.save_dictionary(principal=owner, entries=[], if_version=0)
    letters = [chr(97 + n) for n in range(26)]
    many = [Word("en", a + b + c, alias="x") for a in letters[:2] for b in letters for c in letters]
    with pytest.raises(AssentError) as long:
        services.save_dictionary(principal=owner, entries=many)
    assert long.value.code == "dictionary_too_long"
    with pytest.raises(AssentError) as unprintable:
        services.put_word(principal=owner, entry=Word("zh", "一\x00", alias="x"))
    assert unprintable.value.code == "dictionary_invalid"


def test_a_dictionary_cannot_blow_up_a_text(owner, speak):  # noqa: F811
    services.put_word(principal=owner, entry=Word("en", "ha", alias="ho " * 66))
    assert refusal(speak, text="ha " * 200) == "text_too_long"


def test_a_version_stays_as_it_was_written(owner):  # noqa: F811
    made = services.put_word(principal=owner, entry=Word("en", "GIF", reading="JH IH1 F"))
    with pytest.raises(IntegrityError), transaction.atomic():
        DictionaryVersion.objects.filter(pk=made.pk).update(content={})
