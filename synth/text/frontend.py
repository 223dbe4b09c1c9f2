"""A text as the sentences that the networks speak: cut, told apart by language, as phones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from synth.text import (
    cantonese,
    chinese,
    chinese_normalize,
    cutting,
    english,
    japanese,
    korean,
    segmentation,
    symbols,
)
from synth.text.dictionary import NO_WORDS, Dictionary

PAUSE_S = 0.3
MIN_PHONES = 6  # below that the networks mumble: the sentence gets a mark in front
MIN_ENGLISH_PHONES = 4
_MODULES: Mapping[str, ModuleType] = {
    "zh": chinese,
    "en": english,
    "ja": japanese,
    "ko": korean,
    "yue": cantonese,
}


@dataclass(frozen=True)
class Piece:
    """A run of one language.

    ``phones`` are names and ``ids`` their numbers in the checkpoint's table. ``phones_per_character`` belongs to
    ``norm_text`` and exists for Chinese and Cantonese.
    """

    language: str
    norm_text: str
    phones: tuple[str, ...]
    ids: tuple[int, ...]
    phones_per_character: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Sentence:
    """What is decoded at one go, and the silence after it in seconds."""

    text: str
    pieces: tuple[Piece, ...]
    pause_s: float = PAUSE_S

    @property
    def phones(self) -> tuple[str, ...]:
        return tuple(phone for piece in self.pieces for phone in piece.phones)


def process(
    text: str,
    language: str,
    *,
    method: str = "cut5",
    dictionary: Dictionary = NO_WORDS,
    table: str = "v2",
    pause_s: float = PAUSE_S,
    original: bool = False,
) -> list[Sentence]:
    """Sentences of ``text``, in order; empty if nothing in it can be spoken.

    ``language``: see `segmentation.MODES`; ``method``: see `cutting.cut`; ``table``: ``v1`` or ``v2``;
    ``original``: Chinese read as GPT-SoVITS's own front-end reads it, mistakes included (for comparison).
    """
    text = re.sub(" {2,}", " ", text)
    main = language.removeprefix("all_").removeprefix("auto_")
    if language == "auto":
        main = (segmentation.language_runs(text, language) or [segmentation.Run("zh", "")])[0].language
    sentences = [
        speakable(piece, language, dictionary, table, pause_s, original=original)
        for piece in cutting.cut(text, main, method)
    ]
    return [sentence for sentence in sentences if sentence.pieces]


def speakable(
    text: str,
    language: str,
    dictionary: Dictionary = NO_WORDS,
    table: str = "v2",
    pause_s: float = PAUSE_S,
    *,
    original: bool = False,
) -> Sentence:
    """One sentence, not cut any further."""
    pieces = _pieces(text, language, dictionary, table, original)
    if pieces and sum(len(piece.phones) for piece in pieces) < MIN_PHONES:
        pieces = _pieces("." + text, language, dictionary, table, original)
    return Sentence(text, tuple(pieces), pause_s)


def _pieces(text: str, language: str, dictionary: Dictionary, table: str, original: bool) -> list[Piece]:
    pieces = []
    if not original:
        text = _with_vehicles(text, language)
    for run in segmentation.language_runs(text, language):
        module = _MODULES[run.language]
        own = dictionary.words(run.language)
        manner = {"original": True} if original and run.language == "zh" else {}
        norm_text: str = module.normalize(dictionary.with_aliases(run.text, run.language), **manner)
        if not norm_text.strip():
            continue
        phones, counts = module.phones(norm_text, own, **manner)
        if run.language == "en" and len(phones) < MIN_ENGLISH_PHONES:
            phones = [",", *phones]
        if phones:
            ids = symbols.ids(phones, table)
            pieces.append(Piece(run.language, norm_text, tuple(phones), ids, _counts(counts)))
    return pieces


def _with_vehicles(text: str, language: str) -> str:
    """See `chinese_normalize.vehicles`; only in text whose Han characters are Chinese."""
    main = language.removeprefix("all_")
    if main not in {"zh", "yue", "auto", "auto_yue"} or (
        main.startswith("auto") and re.search("[ぁ-ヺ]", text)
    ):
        return text
    return chinese_normalize.vehicles(text, yao=not main.endswith("yue"))


def _counts(counts: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if counts is None else tuple(counts)
