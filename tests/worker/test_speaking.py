"""A job as its engine is asked for it: segment by segment, each in its manner; and what an engine cannot do, said."""

from __future__ import annotations

import numpy as np
import pytest

from accounts.consent import services as consent
from audit.actors import SYSTEM
from synth.engines.base import BLEND, OWN_WEIGHTS, PRONUNCIATIONS, Speech
from synth.errors import AssentError, Forbidden
from synth.jobs import selectors, services
from synth.jobs.parameters import PARAMETERS
from synth.speech import assembly
from synth.text.dictionary import Entry
from tests import factories, takes
from worker import passages, rendering

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
RATE_HZ = 16_000


class Listening:
    """An engine that hums for a tenth of a second a character, and remembers what it was asked."""

    name, version, is_preview = "listening", "1", True
    supports: frozenset[str] = frozenset()
    languages = frozenset({"en"})

    def __init__(self):
        self.asked = []

    def speak(self, request, *, on_progress=None, should_stop=None):
        self.asked.append(request)
        on_progress(1.0)
        count = round(0.1 * len(request.text) * RATE_HZ)
        samples = 0.3 * np.sin(2 * np.pi * 150 * np.arange(count) / RATE_HZ)
        return Speech(samples.astype(np.float32), RATE_HZ, "hum", ["A hum."], {"weights": None})


class Talking(Listening):
    """One that really talks, though it always says the same: a mark needs speech to hide in."""

    def speak(self, request, *, on_progress=None, should_stop=None):
        hummed = super().speak(request, on_progress=on_progress, should_stop=should_stop)
        said = takes.style_clip("awb", "neutral")
        return Speech(said.samples.astype(np.float32), said.sample_rate_hz, "take", hummed.warnings)


class Able(Listening):
    """One that can do everything; its weights say what they are told to."""

    supports = frozenset({"preset", *PARAMETERS, BLEND, PRONUNCIATIONS, OWN_WEIGHTS})
    digests = {"s1": "1" * 64, "s2": "2" * 64}

    def speak(self, request, *, on_progress=None, should_stop=None, weights_of=None):
        speech = super().speak(request, on_progress=on_progress, should_stop=should_stop)
        self.weights_of = weights_of
        speech.details["weights"] = self.digests if weights_of else {"s1": "o" * 64, "s2": "f" * 64}
        return speech

    def forget(self, voice):
        """Nothing is kept."""


@pytest.fixture
def owner(db):
    return factories.owner_principal()


@pytest.fixture
def voice(owner):
    voice = factories.consented_voice(owner, excluded_terms=["tobacco"])
    for name in ("neutral", "sad", "calm"):
        factories.approved_style(owner, voice, name=name, transcript=f"In a {name} way.")
    return voice


@pytest.fixture
def spoken(owner, voice):
    def speak(engine, text, **more):
        made = services.submit_job(principal=owner, voice=str(voice.id), text=text, seed=5, **more)
        seen = []
        job = services.claim_job(job_id=made.id, worker="w")
        found = rendering.speak_job(engine, job, on_progress=seen.append, should_stop=lambda: False)
        assert seen == sorted(seen) and seen[-1] == pytest.approx(1.0)
        return found

    return speak


def test_plain_text_is_one_request(spoken):
    engine = Listening()
    found = spoken(engine, "The [sad]letter[/sad] came.", style="sad", speed=1.5)
    (request,) = engine.asked
    assert (request.text, request.seed, request.speed) == ("The [sad]letter[/sad] came.", 5, 1.5)
    assert request.style_clip.style_name == "sad"
    assert len(request.voice_clips) == 3
    assert found.speech.warnings == ["A hum."]
    assert found.judged is found.speech


def test_each_segment_is_asked_for_in_its_own_manner(spoken):
    engine = Listening()
    found = spoken(
        engine,
        "<speak>The letter came.<break time='2s'/> [sad]Nobody opened it,[/sad]"
        "<prosody rate='50%' pitch='+2st'>not for days.</prosody></speak>",
        input_type="ssml",
    )
    assert [(r.text.strip(), r.style_clip.style_name, r.speed) for r in engine.asked] == [
        ("The letter came.", "neutral", 1.0),
        ("Nobody opened it,", "sad", 1.0),
        ("not for days.", "neutral", 0.5),
    ]
    assert [r.style_clip.transcript for r in engine.asked][1] == "In a sad way."
    assert len({r.seed for r in engine.asked}) == 3
    assert found.speech.warnings == [assembly.PITCH_EDITED, "A hum."]
    seconds = [0.1 * len(r.text) for r in engine.asked]
    assert found.speech.duration_s == pytest.approx(sum(seconds) + 2.0 + 0.18, abs=0.15)
    # Judged by the style that was spoken most, without what was edited.
    assert (found.style_name, found.speed) == ("sad", 1.0)
    assert found.judged.duration_s == pytest.approx(seconds[1], abs=0.1)


def test_each_clip_is_decoded_once(spoken, monkeypatch):
    """A child process decodes it; the clip that leads is also one of those that show the timbre."""
    decoded = []
    decode = passages.decode_stored
    monkeypatch.setattr(
        passages, "decode_stored", lambda name, **more: decoded.append(name) or decode(name, **more)
    )
    engine = Listening()
    spoken(engine, "The letter came, [sad]at last,[/sad] to them.", input_type="tags", style="calm")
    assert len(decoded) == len(set(decoded)) == 3
    assert {clip.style_name for clip in engine.asked[0].voice_clips} == {"neutral", "sad", "calm"}


def test_a_leading_break_is_heard(spoken):
    found = spoken(Listening(), "<speak><break time='1s'/>Yes, indeed.</speak>", input_type="ssml")
    assert not found.speech.samples[:RATE_HZ].any() and found.speech.samples[RATE_HZ:].any()


def test_what_an_engine_cannot_do_is_said(owner, spoken):
    services.put_word(principal=owner, entry=Entry("en", "letter", reading="L EH1 T ER0"))
    services.put_word(principal=owner, entry=Entry("en", "TV", alias="television"))
    engine = Listening()
    found = spoken(
        engine,
        "The letter about TV.",
        styles=[{"name": "calm", "weight": 1.0}, {"name": "sad", "weight": 2.0}],
        parameters={"temperature": 0.5, "style_strength": 1.5},
    )
    (request,) = engine.asked
    assert request.text == "The letter about television."  # an alias needs no engine
    assert not request.params and not request.blend and not request.dictionary.entries
    assert request.style_clip.style_name == "sad"
    assert found.speech.warnings == [
        assembly.SAMPLING_IGNORED, assembly.STRENGTH_IGNORED, assembly.BLEND_IGNORED,
        assembly.READINGS_IGNORED, "A hum.",
    ]  # fmt: skip


def test_an_engine_that_can_gets_everything(owner, spoken):
    services.put_word(principal=owner, entry=Entry("en", "TV", alias="television"))
    engine = Able()
    found = spoken(
        engine,
        "<speak>A <phoneme ph='T AH0 M AA1 T OW0'>tomato</phoneme> on TV.</speak>",
        input_type="ssml",
        styles=[{"name": "calm", "weight": 1.0}, {"name": "sad", "weight": 2.0}],
        parameters={"preset": "expressive", "top_k": 9},
    )
    (request,) = engine.asked
    assert request.params == {"preset": "expressive", "top_k": 9}
    assert request.style_weight == 2.0
    assert [(clip.style_name, weight) for clip, weight in request.blend] == [("calm", 1.0)]
    assert request.dictionary.words("en")["tomato"] == ("T", "AH0", "M", "AA1", "T", "OW0")
    assert request.dictionary.with_aliases("TV", "en") == "television"
    assert found.speech.warnings == ["A hum."]


def test_a_reading_does_not_smuggle_in_an_excluded_word(owner, spoken):
    for text, input_type in (
        ("<speak>Buy <phoneme ph='T AH0 B AE1 K OW2'>flowers</phoneme> now.</speak>", "ssml"),
        ("Buy posies now.", "plain"),
    ):
        if input_type == "plain":
            services.put_word(principal=owner, entry=Entry("en", "posies", reading="T AH0 B AE1 K OW0"))
        engine = Able()
        with pytest.raises(Forbidden) as refused:
            spoken(engine, text, input_type=input_type)
        assert refused.value.code == "scope_violation" and not engine.asked
    services.put_word(principal=owner, entry=Entry("en", "posies", reading="P OW1 Z IY0 Z"))
    assert spoken(Able(), "Buy posies now.")


# ---- weights of the voice's own


@pytest.fixture
def trained(owner):
    voice = factories.consented_voice(owner, custom_weights=True)
    factories.approved_style(owner, voice, name="neutral")
    consent.add_weights(actor=SYSTEM, voice_id=voice.pk, s1_sha256="1" * 64, s2_sha256="2" * 64)
    return voice


def by(engine, owner, voice):
    made = services.submit_job(principal=owner, voice=str(voice.id), text="The letter came.")
    job = services.claim_job(job_id=made.id, worker="w")
    return rendering.speak_job(engine, job, on_progress=lambda share: None, should_stop=lambda: False)


def test_a_voices_own_weights_speak_where_they_count(owner, voice, trained):
    engine = Able()
    assert by(engine, owner, trained).own_weights and engine.weights_of == str(trained.pk)
    assert not by(engine, owner, voice).own_weights and engine.weights_of is None
    consent.remove_weights(actor=SYSTEM, voice_id=trained.pk)
    assert not by(engine, owner, trained).own_weights and engine.weights_of is None


def test_other_files_than_those_that_were_added_do_not_speak(owner, trained):
    engine = Able()
    engine.digests = {"s1": "1" * 64, "s2": "9" * 64}
    with pytest.raises(AssentError) as refused:
        by(engine, owner, trained)
    assert refused.value.code == "weights_changed"


def test_an_engine_without_weights_of_voices_says_so(owner, trained):
    found = by(Listening(), owner, trained)
    assert not found.own_weights and assembly.WEIGHTS_IGNORED in found.speech.warnings


@pytest.mark.parametrize("ending", ["revoked", "style", "timbre", "weights"])
def test_what_was_withdrawn_while_a_job_waited_is_not_even_loaded(owner, trained, monkeypatch, ending):
    engine = Able()
    monkeypatch.setattr(rendering.resident, "engine", lambda: engine)
    style = factories.approved_style(owner, trained, name="sad")
    timbre = factories.approved_style(owner, trained, name="calm")
    text = "The letter came, [sad]at last.[/sad]"
    made = services.submit_job(principal=owner, voice=str(trained.id), text=text, input_type="tags")
    job = services.claim_job(job_id=made.id, worker="w")
    if ending == "revoked":
        consent.revoke(principal=owner, voice_id=trained.pk)
    elif ending == "style":
        consent.remove_style(principal=owner, style_id=style.pk)
    elif ending == "timbre":
        consent.remove_style(principal=owner, style_id=timbre.pk)
    else:
        consent.remove_weights(actor=SYSTEM, voice_id=trained.pk)
    rendering.render(job)
    job.refresh_from_db()
    assert not engine.asked
    codes = {"revoked": "cancelled_consent_revoked", "weights": "weights_removed"}
    state = "cancelled" if ending == "revoked" else "failed"
    assert (job.state, job.error["code"]) == (state, codes.get(ending, "style_removed"))


def test_a_clip_erased_before_it_is_read_is_said_to_be(owner, voice):
    made = services.submit_job(principal=owner, voice=str(voice.id), text="The letter came.")
    job = services.claim_job(job_id=made.id, worker="w")
    consent.remove_style(principal=owner, style_id=voice.styles.get(name="calm").pk)
    with pytest.raises(AssentError) as refused:
        rendering.speak_job(Listening(), job, on_progress=lambda share: None, should_stop=lambda: False)
    assert (refused.value.code, refused.value.http_status) == ("clip_erased", 403)


def test_a_job_of_several_styles_is_marked_as_one_file(owner, voice, monkeypatch):
    engine = Talking()
    monkeypatch.setattr(rendering.resident, "engine", lambda: engine)
    monkeypatch.setattr(rendering.resident, "public_mark", lambda: None)
    text = "The letter came on a Tuesday, as they do. [sad]Nobody opened it until the evening, not even she.[/sad]"
    made = services.submit_job(
        principal=owner, voice=str(voice.id), text=text, input_type="tags", format="wav",
        parameters={"preset": "stable"},
    )  # fmt: skip
    rendering.render(services.claim_job(job_id=made.id, worker="w"))
    job = selectors.job_row(made.id)
    assert job.state == "released", job.error
    assert len(engine.asked) == 2
    assert assembly.SAMPLING_IGNORED in job.warnings
    assert job.follow_report["of_whole"] is False and job.follow_report["style"] == "sad"
    entry = job.output.entry.content["data"]
    assert set(entry["style_ids"]) == {str(row.style_id) for row in job.further_styles.all()}
    assert set(entry["timbre_style_ids"]) == {str(style.pk) for style in voice.styles.all()}
    assert entry["weights_id"] is None and entry["mark_layers"] == ["keyed"]
