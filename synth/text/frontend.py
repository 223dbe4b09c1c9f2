"""A text as the sentences that the networks speak: told apart by language, read, cut, as phones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from synth.text import (
    cantonese,
    characters,
    chinese,
    cutting,
    cutting_original,
    english,
    japanese,
    korean,
    segmentation,
    symbols,
)
from synth.text.dictionary import NO_WORDS, Dictionary
from synth.text.segmentation import Run
from synth.text.tokens import Token, flat

PAUSE_S = 0.3
CUT_PAUSE_S = 0.05  # where a sentence without marks had to be cut
MIN_PHONES = 6  # below that the networks mumble: the sentence gets a mark in front
MIN_ENGLISH_PHONES = 4
SHORT_BEGINNING = 4  # characters: a shorter first clause is easily swallowed
_MODULES: Mapping[str, ModuleType] = {
    "zh": chinese,
    "en": english,
    "ja": japanese,
    "ko": korean,
    "yue": cantonese,
}


@dataclass(frozen=True)
class ReadWord:
    """A word or a mark of ``Piece.norm_text``; ``start`` and ``end`` are positions in ``Piece.phones``."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Piece:
    """A run of one language.

    ``phones`` are names (ARPAbet for English; an initial and a final with its tone for a Chinese character; Open
    JTalk's for Japanese) and ``ids`` their numbers in the checkpoint's table. ``phones_per_character`` belongs to
    ``norm_text`` and exists for Chinese and Cantonese.
    """

    language: str
    norm_text: str
    phones: tuple[str, ...]
    ids: tuple[int, ...]
    phones_per_character: tuple[int, ...] | None = None
    words: tuple[ReadWord, ...] = ()


@dataclass(frozen=True)
class Sentence:
    """What is decoded at one go, and the silence after it in seconds. ``text`` has words for numbers and signs."""

    text: str
    pieces: tuple[Piece, ...]
    pause_s: float = PAUSE_S

    @property
    def phones(self) -> tuple[str, ...]:
        return tuple(phone for piece in self.pieces for phone in piece.phones)


@dataclass(frozen=True)
class Reading:
    """The sentences of a text, in order, and ``unread``: each character that no rule can say, once."""

    sentences: tuple[Sentence, ...]
    unread: str = ""

    @property
    def warnings(self) -> list[str]:
        """What a listener should know, as sentences."""
        if not self.unread:
            return []
        shown = " ".join(self.unread[:20]) + (" …" if len(self.unread) > 20 else "")
        return [f"These characters have no reading in this language and were not spoken: {shown}"]


def read(
    text: str,
    language: str,
    *,
    method: str = "cut5",
    dictionary: Dictionary = NO_WORDS,
    table: str = "v2",
    pause_s: float = PAUSE_S,
) -> Reading:
    """The sentences of ``text``; none if nothing in it can be spoken.

    ``language``: see `segmentation.MODES`; ``method``: see `cutting.spans`; ``table``: ``v1`` or ``v2``.
    """
    runs = [Run(run.language, _verbalized(run, dictionary)) for run in _runs(text, language)]
    said = "".join(run.text for run in runs)
    sentences: list[Sentence] = []
    unread: dict[str, None] = {}
    for span in cutting.spans(said, method, _borders(runs)):
        parts = [
            Run(run.language, said[start:end]) for run, start, end in _inside(runs, span.start, span.end)
        ]
        ends = "." if span.whole else ","
        pieces, missing = _pieces(parts, dictionary, table, ends, lead=not sentences and _begins_short(said))
        unread |= dict.fromkeys(missing)
        if pieces:
            pause = pause_s if span.whole else min(pause_s, CUT_PAUSE_S)
            sentences.append(Sentence(said[span.start : span.end].strip(), pieces, pause))
    return Reading(tuple(sentences), "".join(unread))


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
    """The sentences of `read`; ``original``: cut and (in Chinese) read as GPT-SoVITS's own front-end does, mistakes
    included, for comparison."""
    if not original:
        return list(
            read(text, language, method=method, dictionary=dictionary, table=table, pause_s=pause_s).sentences
        )
    text = re.sub(" {2,}", " ", text)
    main = language.removeprefix("all_").removeprefix("auto_")
    if language == "auto":
        main = (segmentation.language_runs(text, language) or [Run("zh", "")])[0].language
    sentences = [
        speakable(piece, language, dictionary, table, pause_s, original=True)
        for piece in cutting_original.cut(text, main, method)
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
    """One sentence, not cut any further and with no mark added at its end."""
    if original:
        return Sentence(text, _original_pieces(text, language, dictionary, table), pause_s)
    runs = [Run(run.language, _verbalized(run, dictionary)) for run in _runs(text, language)]
    return Sentence(text, _pieces(runs, dictionary, table, "", lead=False)[0], pause_s)


# ------------------------------------------------------------------------------------------------------- reading


def _runs(text: str, language: str) -> list[Run]:
    text = re.sub("[ \t]{2,}", " ", characters.plain(text))
    main = language.removeprefix("all_")
    if main in {"zh", "yue"} or (main.startswith("auto") and not re.search("[ぁ-ヺ]", text)):
        # Codes and formulas mix letters and digits: read before the letters become another language's.
        text = chinese.with_codes(text, yao=not main.endswith("yue"))
    return segmentation.language_runs(text, language)


def _verbalized(run: Run, dictionary: Dictionary) -> str:
    text: str = _MODULES[run.language].verbalized(dictionary.with_aliases(run.text, run.language))
    return text


def _begins_short(said: str) -> bool:
    first = re.split(r"[，。？！,.?!~:：—…\n]", said.strip(), maxsplit=1)[0].strip()
    return 0 < len(first) < SHORT_BEGINNING


def _inside(runs: Sequence[Run], start: int, end: int) -> Iterator[tuple[Run, int, int]]:
    at = 0
    for run in runs:
        low, high = max(start, at), min(end, at + len(run.text))
        if low < high:
            yield run, low, high
        at += len(run.text)


def _borders(runs: Sequence[Run]) -> Callable[[str], list[int]]:
    """Where words begin, by the language that most of the text is in."""
    lengths: dict[str, int] = {}
    for run in runs:
        lengths[run.language] = lengths.get(run.language, 0) + len(run.text)
    main = max(lengths, key=lambda language: lengths[language], default="en")

    def borders(text: str) -> list[int]:
        found: list[int] = _MODULES[main].borders(text)
        return found

    return borders


# -------------------------------------------------------------------------------------------------------- phones


def _pieces(
    runs: Sequence[Run], dictionary: Dictionary, table: str, ends: str, *, lead: bool
) -> tuple[tuple[Piece, ...], str]:
    """Pieces of one sentence with a mark at its end (and in front, where ``lead`` or too few phones ask for one)."""
    tidy: list[Run] = []
    missing = ""
    for run in runs:
        norm_text, unread = _MODULES[run.language].tidied(run.text)
        missing += unread
        if norm_text.strip():
            tidy.append(Run(run.language, norm_text))
    if not any(re.search(r"\w", run.text) for run in tidy):
        return (), missing
    if ends and not tidy[-1].text.rstrip().endswith(tuple(symbols.MARKS + "。！？")):
        tidy[-1] = Run(tidy[-1].language, tidy[-1].text.rstrip() + ends)
    pieces = [_piece(run, dictionary, table) for run in tidy]
    if lead or sum(len(piece.phones) for piece in pieces) < MIN_PHONES:
        first = Run(tidy[0].language, "." + tidy[0].text.lstrip())
        pieces[0] = _piece(first, dictionary, table)
    return tuple(piece for piece in pieces if piece.phones), missing


def _piece(run: Run, dictionary: Dictionary, table: str) -> Piece:
    tokens = _MODULES[run.language].tokens(run.text, dictionary.words(run.language))
    if run.language == "en" and sum(len(token.phones) for token in tokens) < MIN_ENGLISH_PHONES:
        tokens = [Token(",", (",",)), *tokens]
    phones, counts = flat(tokens)
    return Piece(
        run.language,
        run.text,
        tuple(phones),
        symbols.ids(phones, table),
        None if counts is None or not phones else tuple(counts),
        _words(tokens),
    )


def _words(tokens: Sequence[Token]) -> tuple[ReadWord, ...]:
    words, at = [], 0
    for token in tokens:
        words.append(ReadWord(token.text, at, at + len(token.phones)))
        at += len(token.phones)
    return tuple(word for word in words if word.end > word.start)


def _original_pieces(text: str, language: str, dictionary: Dictionary, table: str) -> tuple[Piece, ...]:
    """As the original: each piece of a text is normalised after cutting, Chinese in the original's words."""

    def found(text: str) -> list[Piece]:
        pieces = []
        for run in segmentation.language_runs(text, language):
            module = _MODULES[run.language]
            manner = {"original": True} if run.language == "zh" else {}
            norm_text: str = module.normalize(dictionary.with_aliases(run.text, run.language), **manner)
            if not norm_text.strip():
                continue
            phones, counts = module.phones(norm_text, dictionary.words(run.language), **manner)
            if run.language == "en" and len(phones) < MIN_ENGLISH_PHONES:
                phones = [",", *phones]
            if phones:
                ids = symbols.ids(phones, table)
                own = None if counts is None else tuple(counts)
                pieces.append(Piece(run.language, norm_text, tuple(phones), ids, own))
        return pieces

    pieces = found(text)
    if pieces and sum(len(piece.phones) for piece in pieces) < MIN_PHONES:
        pieces = found("." + text)
    return tuple(pieces)
