"""Does this recording found a consent? All gates of a consent recording, in order of cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from synth.recognition.recogniser import MODEL_VERSION, Recogniser

from . import alone, limits, replay, signal, speaker, speech, spoken, witness
from .challenge import ChallengeSpec
from .report import Gate, GateReport, Stage, run_stages

MarkDetector = Callable[[np.ndarray, int], bool]


def check_consent(
    samples: np.ndarray,
    sample_rate_hz: int,
    *,
    challenge: ChallengeSpec,
    known_fingerprints: Sequence[tuple[str, bytes]] = (),
    mark_detector: MarkDetector,
    reference_embeddings: Sequence[np.ndarray] = (),
    protected_embeddings: Sequence[tuple[str, np.ndarray]] = (),
    models_dir: Path | None = None,
    recogniser: Recogniser | None = None,
) -> GateReport:
    """Measure a recording of ``challenge``.

    ``samples``: float32 (n,) or (channels, n) within +-1, already decoded. ``known_fingerprints``: (id,
    bytes) of every earlier recording, from `GateReport.fingerprint`. ``mark_detector`` says whether the
    platform's own mark is in (samples, rate).
    ``reference_embeddings``: earlier recordings of the same voice. ``protected_embeddings``: (id,
    embedding) of everybody else's. ``models_dir`` holds the speaker weights; without
    them a reviewer decides. ``recogniser`` is the second witness of an English statement, and the only
    one of a statement in another language.
    """
    duration_s = np.shape(samples)[-1] / sample_rate_hz
    recording = Recording(samples, sample_rate_hz, models_dir)
    listening: list[spoken.Listening] = []

    def sound() -> list[Gate]:
        return [*recording.signal_gates(), recording.speech_gate(limits.MIN_SPEECH_S)]

    def origin() -> list[Gate]:
        return [
            own_mark_gate(recording, mark_detector),
            replay.replay_gate(recording.fingerprint, known_fingerprints),
            recording.single_speaker_gate(),
        ]

    def words() -> list[Gate]:
        if recogniser is not None and challenge.language != "en" and not challenge.needs_reviewer:
            listening.append(alone.listen(recording.mono, challenge, recording.spans, recogniser))
            return listening[0].gates
        listening.append(spoken.listen(recording.mono, challenge, recording.spans))
        if recogniser is None:
            return listening[0].gates
        if challenge.needs_reviewer:
            return witness.writing(recording.mono, challenge, listening[0].gates, recogniser)
        return witness.agreed(listening[0].gates, witness.hear(recording.mono, challenge, recogniser))

    def person() -> list[Gate]:
        voice = recording.voice
        if voice is None:
            return [speaker.missing_gate("speaker"), speaker.missing_gate("protected_voice")]
        return [
            speaker.speaker_gate(voice, list(reference_embeddings)),
            speaker.protected_gate(voice, list(protected_embeddings)),
        ]

    stages: tuple[Stage, ...] = (
        (
            ("rate", "length"),
            lambda: first_gates(duration_s, sample_rate_hz, limits.CONSENT_MIN_S, limits.CONSENT_MAX_S),
        ),
        (("level", "clipping", "snr", "speech"), sound),
        (("own_mark", "replay", "single_speaker"), origin),
        (spoken.GATE_NAMES, words),
        (("speaker", "protected_voice"), person),
    )
    gates = run_stages(stages)
    words_start_s = listening[0].words_start_s if listening else None
    report = recording.report(gates, duration_s, words_start_s)
    if recogniser is not None:
        second = "second_recogniser" if challenge.language == "en" else "recogniser"
        report.model_versions[second] = MODEL_VERSION
    return report


class Recording:
    """One recording on its way through the gates: what is dear is computed once, when first asked for."""

    def __init__(self, samples: np.ndarray, sample_rate_hz: int, models_dir: Path | None) -> None:
        self.samples = np.asarray(samples, dtype=np.float32)
        self.sample_rate_hz = sample_rate_hz
        self._weights_path = speaker.find_weights(models_dir) if models_dir else None
        self._mono: np.ndarray | None = None
        self._spans: speech.Spans | None = None
        self._fingerprint: replay.Fingerprint | None = None
        self._voice: speaker.SpeakerEmbedding | None = None

    @property
    def mono(self) -> np.ndarray:
        """Mono at 16 kHz."""
        if self._mono is None:
            self._mono = signal.to_mono_16k(self.samples, self.sample_rate_hz)
        return self._mono

    @property
    def spans(self) -> speech.Spans:
        if self._spans is None:
            self._spans = speech.speech_spans(self.mono)
        return self._spans

    @property
    def fingerprint(self) -> replay.Fingerprint:
        if self._fingerprint is None:
            self._fingerprint = replay.fingerprint(self.mono)
        return self._fingerprint

    @property
    def voice(self) -> speaker.SpeakerEmbedding | None:
        """None without the speaker weights."""
        if self._voice is None and self._weights_path is not None:
            self._voice = speaker.embed(speech.cut(self.mono, self.spans), self._weights_path)
        return self._voice

    def signal_gates(self) -> list[Gate]:
        channels = np.atleast_2d(self.samples)
        loudest = channels[int(np.argmax(np.abs(channels).max(axis=1)))]
        return [
            signal.level_gate(self.mono),
            signal.clipping_gate(loudest),
            signal.snr_gate(self.mono, limits.RATE_HZ),
        ]

    def speech_gate(self, minimum_s: float) -> Gate:
        return speech.speech_gate(self.spans, len(self.mono) / limits.RATE_HZ, minimum_s)

    def single_speaker_gate(self) -> Gate:
        voice = self.voice
        return speaker.missing_gate("single_speaker") if voice is None else speaker.single_speaker_gate(voice)

    def report(self, gates: list[Gate], duration_s: float, words_start_s: float | None = None) -> GateReport:
        """Only what was measured on the way is reported; nothing is computed for the report's sake."""
        mark = self._fingerprint.with_words_from(words_start_s).as_bytes() if self._fingerprint else b""
        return GateReport(
            gates,
            duration_ms=round(1000 * duration_s),
            sample_rate_hz=self.sample_rate_hz,
            speaker_embedding=self._voice.whole if self._voice else None,
            fingerprint=mark,
            model_versions=model_versions(self._weights_path is not None),
        )


def model_versions(with_speaker: bool) -> dict[str, str]:
    """What judged: for the receipt."""
    from . import recognise

    return {
        "speech": speech.model_version(),
        "recogniser": recognise.model_version(),
        "speaker": speaker.MODEL_VERSION if with_speaker else "not installed",
    }


def first_gates(duration_s: float, sample_rate_hz: int, minimum_s: float, maximum_s: float) -> list[Gate]:
    """Rate and length: nothing has been resampled yet."""
    return [signal.rate_gate(sample_rate_hz), signal.length_gate(duration_s, minimum_s, maximum_s)]


def own_mark_gate(recording: Recording, mark_detector: MarkDetector) -> Gate:
    """Speech that this platform made itself never founds a consent or a style."""
    if mark_detector(recording.samples, recording.sample_rate_hz):
        message = "This is synthetic speech made by this platform, not a recording of a person."
        return Gate("own_mark", "fail", True, False, "", "synthetic_source", message)
    return Gate("own_mark", "pass", False, False)
