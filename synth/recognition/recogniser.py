"""Free transcription, word times, language and forced scoring, all from one encoding of a recording.

Nothing here takes the expected text as a hint: a hint makes the network write what was expected in place of what was
said (a denial became consent). What a text is worth is asked by `Listening.score`, beside texts like it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from synth.recognition import MODEL_FOLDER as MODEL_FOLDER
from synth.recognition import windows
from synth.recognition.log_mel import RATE_HZ, WINDOW_S, log_mel
from synth.recognition.tokens import Tokeniser, Tokens, words_of

MODEL_VERSION = "whisper-base int8 d01c3014881c"

#: Where nothing was said the network still writes a few words. Speech: no_speech at most .21, mean log-probability at
#: least -.81; noise, tones, music: beyond one of these (docs/recognition.md).
NO_SPEECH_PROBABILITY = 0.4
LEAST_MEAN_LOGPROB = -1.0
#: Text that packs better than this says the same words over and over: the network is caught in a loop.
_MOST_REPEATED = 2.4
_FRAME_S = 0.02
_ENDS_LATE_S = 0.1  # measured: word ends come out later than they are
_SCORED_AT_ONCE = 8


@dataclass(frozen=True)
class Word:
    """A word (a character in languages without spaces), where it is, and how sure the network is of it."""

    text: str
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True)
class Transcript:
    """What was heard. ``mean_logprob`` is per token; ``heard`` is False where it looks like no speech at all, and
    then ``text`` is empty."""

    text: str
    language: str
    mean_logprob: float
    no_speech: float
    heard: bool
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Score:
    """Log-probability (nats) of every token of a forced text; ``spans`` are their characters in ``text``."""

    text: str
    logprobs: tuple[float, ...]
    spans: tuple[tuple[int, int], ...]

    @property
    def total(self) -> float:
        return float(sum(self.logprobs))

    def between(self, start: int, end: int) -> float:
        """Of the tokens whose middle lies in ``text[start:end]``."""
        inside = (
            value
            for value, (a, b) in zip(self.logprobs, self.spans, strict=True)
            if start <= (a + b) / 2 < end
        )
        return float(sum(inside))


class Recogniser:
    """The network in memory: about 370 MB, one thread. Safe to use from several threads."""

    def __init__(self, folder: Path | str, *, threads: int = 1) -> None:
        import ctranslate2

        folder = Path(folder)
        self._model: Any = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1
        )
        self._storage: Any = ctranslate2.StorageView
        self.tokeniser = Tokeniser(folder)

    def knows(self, language: str) -> bool:
        """Whether the network can be asked in ``language`` (a two-letter code, or yue)."""
        return self.tokeniser.knows(language)

    def listen(self, samples: np.ndarray) -> Listening:
        """Encode mono float32 ``samples`` at 16 kHz, in windows of at most 30 s that are cut at the quietest
        place. ValueError for an empty array."""
        if len(samples) == 0:
            raise ValueError("there is no sound to listen to")
        spans = windows.cut(samples, RATE_HZ, WINDOW_S)
        return Listening(
            self, [_Window(a / RATE_HZ, (b - a) / RATE_HZ, self._encode(samples[a:b])) for a, b in spans]
        )

    def _encode(self, samples: np.ndarray) -> Any:
        return self._model.encode(self._storage.from_array(log_mel(samples)[None]))

    def write(self, window: _Window, language: str, **options: Any) -> tuple[list[int], float, float]:
        """(tokens, mean log-probability, probability of no speech) of one window, freely decoded."""
        prompt = [*self.tokeniser.start(language), self.tokeniser.special("notimestamps")]
        (result,) = self._model.generate(
            window.encoded, [prompt], beam_size=5, max_length=224, return_scores=True, return_no_speech_prob=True,
            suppress_blank=True, suppress_tokens=[-1], **options,
        )  # fmt: skip
        return list(result.sequences_ids[0]), float(result.scores[0]), float(result.no_speech_prob)

    def align(self, window: _Window, language: str, texts: Sequence[Tokens]) -> list[Any]:
        """CTranslate2's alignment of each text with the window, in few passes."""
        found: list[Any] = []
        start, frames = self.tokeniser.start(language), max(2, int(window.duration_s / _FRAME_S) * 2)
        once = np.array(window.encoded)
        for first in range(0, len(texts), _SCORED_AT_ONCE):
            batch = [text.ids for text in texts[first : first + _SCORED_AT_ONCE]]
            repeated = self._storage.from_array(np.repeat(once, len(batch), axis=0))
            found += self._model.align(repeated, start, batch, [frames] * len(batch))
        return found

    def languages(self, window: _Window) -> list[tuple[str, float]]:
        (found,) = self._model.detect_language(window.encoded)
        return [(token.strip("<|>"), float(share)) for token, share in found]


@dataclass(frozen=True)
class _Window:
    start_s: float
    duration_s: float
    encoded: Any


class Listening:
    """One recording, encoded; questions to it cost only the decoder."""

    def __init__(self, recogniser: Recogniser, encoded: list[_Window]) -> None:
        self._recogniser = recogniser
        self._windows = encoded

    @property
    def duration_s(self) -> float:
        return self._windows[-1].start_s + self._windows[-1].duration_s

    @property
    def fits(self) -> bool:
        """Whether a text can be held against the recording: it is one window."""
        return len(self._windows) == 1

    def languages(self) -> dict[str, float]:
        """Probability of every language the network knows, over all windows by their length."""
        shares: dict[str, float] = {}
        for window in self._windows:
            for language, share in self._recogniser.languages(window):
                shares[language] = shares.get(language, 0.0) + share * window.duration_s / self.duration_s
        return dict(sorted(shares.items(), key=lambda row: -row[1]))

    def transcribe(self, language: str | None = None, *, words: bool = False) -> Transcript:
        """What was said, in ``language`` or the likeliest one; with the times of the words when asked for.

        ValueError for a language that the network does not know (`Recogniser.knows`).
        """
        language = language or next(iter(self.languages()))
        self._check(language)
        parts = [self._transcribe(window, language, words) for window in self._windows]
        heard = [part for part in parts if part.heard]
        between = "" if language == "zh" or language == "ja" or language == "yue" else " "
        weights = [max(1, len(part.text)) for part in heard or parts]
        return Transcript(
            text=between.join(part.text for part in heard),
            language=language,
            mean_logprob=float(np.average([part.mean_logprob for part in heard or parts], weights=weights)),
            no_speech=min(part.no_speech for part in parts),
            heard=bool(heard),
            words=tuple(word for part in heard for word in part.words),
        )

    def words(self, text: str, language: str) -> tuple[Word, ...]:
        """Times of the words of ``text``, known to be what was said. ValueError for recordings
        beyond 30 s, and as of `transcribe`."""
        self._check(language)
        return self._times(self._only_window(), self._recogniser.tokeniser.encode(text, language), language)

    def score(self, texts: Sequence[str], language: str) -> list[Score]:
        """How likely each of ``texts`` is as the transcript. Only differences between texts of one kind mean
        anything: absolute values differ by voice and channel. Errors as of `words`."""
        self._check(language)
        window = self._only_window()
        tokens = [self._recogniser.tokeniser.encode(text, language) for text in texts]
        aligned = self._recogniser.align(window, language, tokens)
        return [
            Score(text.text, tuple(_logs(result.text_token_probs)), tuple(text.spans))
            for text, result in zip(tokens, aligned, strict=True)
        ]

    def _check(self, language: str) -> None:
        if not self._recogniser.knows(language):
            raise ValueError(f"the recogniser does not know the language {language}")

    def _only_window(self) -> _Window:
        if len(self._windows) > 1:
            raise ValueError(
                f"a text can be held against at most {WINDOW_S:.0f} s of sound, not {self.duration_s:.1f}"
            )
        return self._windows[0]

    def _transcribe(self, window: _Window, language: str, words: bool) -> Transcript:
        recogniser = self._recogniser
        ids, mean_logprob, no_speech = recogniser.write(window, language)
        text = recogniser.tokeniser.decode(ids)
        if _packs(text) > _MOST_REPEATED:
            ids, mean_logprob, _ = recogniser.write(window, language, no_repeat_ngram_size=4)
            text = recogniser.tokeniser.decode(ids)
        heard = bool(text) and no_speech <= NO_SPEECH_PROBABILITY and mean_logprob >= LEAST_MEAN_LOGPROB
        found = Transcript(text if heard else "", language, mean_logprob, no_speech, heard)
        if not (heard and words):
            return found
        return replace(
            found, words=self._times(window, recogniser.tokeniser.encode(text, language), language)
        )

    def _times(self, window: _Window, tokens: Tokens, language: str) -> tuple[Word, ...]:
        """By cross-attention: the frame at which each token begins."""
        (aligned,) = self._recogniser.align(window, language, [tokens])
        begins = np.full(len(tokens.ids) + 1, window.duration_s)
        for token, frame in reversed(aligned.alignments):  # the first frame of a token is kept
            if token < len(begins):
                begins[token] = min(frame * _FRAME_S, window.duration_s)
        begins = np.minimum.accumulate(begins[::-1])[::-1]
        probabilities = np.asarray(aligned.text_token_probs)
        words = []
        for start, end in words_of(tokens.text, language):
            own = [n for n, (a, b) in enumerate(tokens.spans) if a < end and b > start]
            if not own:
                continue
            begin_s, end_s = float(begins[own[0]]), float(begins[own[-1] + 1])
            end_s = max(begin_s + _FRAME_S, end_s - _ENDS_LATE_S)
            words.append(
                Word(
                    tokens.text[start:end],
                    round(window.start_s + begin_s, 3),
                    round(window.start_s + end_s, 3),
                    float(np.mean(probabilities[own])),
                )
            )
        return tuple(words)


def _logs(probabilities: Sequence[float]) -> list[float]:
    return [float(value) for value in np.log(np.maximum(np.asarray(probabilities), 1e-9))]


def _packs(text: str) -> float:
    raw = text.encode()
    return len(raw) / max(1, len(zlib.compress(raw)))
