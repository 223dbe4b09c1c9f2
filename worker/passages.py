"""A job's row as a passage to be spoken: its clips decoded, its segments in order."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.voices.models import Clip
from synth.audio.decode import DecodeLimits
from synth.engines.base import ReferenceClip
from synth.errors import AssentError
from synth.jobs import script, selectors
from synth.jobs.models import SynthesisJob
from synth.jobs.services import words_of
from synth.speech.assembly import OwnWeights, Part, Passage
from synth.speech.notice import Notice, with_notice
from synth.text.dictionary import Dictionary
from worker.decoding import decode_stored

_CLIP_LIMITS = DecodeLimits(max_duration_s=60.0)


class Clips:
    """The clips of one job as samples, each read once: decoding one starts a process."""

    def __init__(self) -> None:
        self._read: dict[UUID, ReferenceClip] = {}

    def read(self, clip: Clip | None, style_name: str = "") -> ReferenceClip:
        """A kept clip. AssentError ``clip_erased`` when its file is gone."""
        erased = AssentError("clip_erased", "The recording of this style was erased.", http_status=403)
        if clip is None or not clip.file:
            raise erased
        if clip.pk not in self._read:
            try:
                audio = decode_stored(clip.file.name or "", limits=_CLIP_LIMITS)
            except FileNotFoundError:  # a moment ago: the next beat would have stopped the job
                raise erased from None
            self._read[clip.pk] = ReferenceClip(
                samples=audio.mono(),
                sample_rate_hz=audio.sample_rate_hz,
                transcript=clip.transcript,
                language=clip.language,
                style_name=style_name,
            )
        return self._read[clip.pk]


def passage_of(job: SynthesisJob) -> Passage:
    """What a job is to speak, with its clips read. Raises AssentError ``clip_erased``."""
    clips = Clips()
    lead = clips.read(job.clip, job.style.name if job.style else "")
    notice = Notice.from_json(job.notice)
    return Passage(
        parts=with_notice(_parts_of(job, clips), notice, lead=lead, speed=job.speed),
        language=job.language,
        speed=job.speed,
        seed=job.seed,
        parameters=job.parameters,
        voice_clips=[clips.read(one.clip, one.name) for one in selectors.neutral_first(job.timbre.all())],
        own_weights=OwnWeights(str(job.voice_id), job.weights.s1_sha256, job.weights.s2_sha256)
        if job.weights
        else None,
    )


def _parts_of(job: SynthesisJob, clips: Clips) -> list[Part]:
    """One part for plain text, one for each segment otherwise."""
    further = {str(row.style_id): row for row in job.further_styles.all()}
    words = words_of(job.dictionary)

    def clip_of(style_id: str) -> ReferenceClip:
        return clips.read(further[style_id].clip, further[style_id].style.name)

    own = str(job.style_id) if job.style_id else ""
    style_name = job.style.name if job.style else ""
    lead = clips.read(job.clip, style_name)
    weight = (further[own].weight if own in further else None) or 1.0
    blend = tuple(
        (clip_of(style_id), row.weight)
        for style_id, row in further.items()
        if row.weight is not None and style_id != own
    )
    if not job.segments:
        return [Part(job.text, style_name, lead, weight, blend, dictionary=words)]
    parts = []
    for kept in job.segments:
        segment, style_id = script.from_json(kept)
        manner: dict[str, Any] = {"style_name": style_name, "clip": lead, "weight": weight, "blend": blend}
        if style_id is not None:
            manner = {"style_name": further[style_id].style.name, "clip": clip_of(style_id)}
        if not segment.text:
            manner = {"style_name": "", "clip": None}
        parts.append(
            Part(
                segment.text,
                **manner,
                rate=segment.rate,
                pitch_semitones=segment.pitch_semitones,
                pause_s=segment.pause_s,
                dictionary=_merged(words, segment.words),
            )
        )
    return parts


def _merged(words: Dictionary, inside: Dictionary) -> Dictionary:
    """Pronunciations given in the text come before those of the organisation."""
    if not inside.entries:
        return words
    entries = {(entry.language, entry.word): entry for entry in (*words.entries, *inside.entries)}
    return Dictionary(tuple(sorted(entries.values())))
