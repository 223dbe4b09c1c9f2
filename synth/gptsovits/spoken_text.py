"""From text to what the networks read: sentences as phone ids with their BERT rows.

The front-end itself is `synth.text`; here its segments become tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from synth.gptsovits.bert import Bert, no_rows
from synth.text.dictionary import Dictionary

PAUSE_S = 0.3  # after a sentence


@dataclass(frozen=True)
class Piece:
    """A run of one language inside a sentence; ``phones`` are ids of the checkpoint's table.

    ``phones_per_character`` belongs to ``norm_text`` and is only needed for Chinese.
    """

    language: str
    norm_text: str
    phones: Sequence[int]
    phones_per_character: Sequence[int] | None = None


@dataclass(frozen=True)
class Sentence:
    """What is decoded at one go, and the silence after it."""

    pieces: Sequence[Piece]
    pause_s: float = PAUSE_S

    @property
    def text(self) -> str:
        """The words as they are read."""
        return " ".join(piece.norm_text.strip() for piece in self.pieces)

    @property
    def phone_count(self) -> int:
        return sum(len(piece.phones) for piece in self.pieces)


@dataclass(frozen=True)
class ReadText:
    """The sentences of a text, and what a listener should know about how it was read."""

    sentences: Sequence[Sentence]
    warnings: Sequence[str] = ()


#: Text, language, pronunciations, cut method -> what is spoken.
FrontEnd = Callable[[str, str, Dictionary, str], ReadText]
WithBert = Callable[[Callable[[Bert], Tensor]], Tensor]


def tensors_of(sentence: Sentence, with_bert: WithBert | None) -> tuple[Tensor, Tensor]:
    """phones (n,) int64 and BERT rows (1024, n); without ``with_bert`` Chinese gets zeros like other languages."""
    phones = torch.tensor([phone for piece in sentence.pieces for phone in piece.phones], dtype=torch.int64)
    rows = []
    for piece in sentence.pieces:
        counts = piece.phones_per_character
        if piece.language == "zh" and with_bert is not None and counts is not None and piece.norm_text:
            text = piece.norm_text
            rows.append(with_bert(lambda bert, text=text, counts=counts: bert.rows(text, counts)))  # type: ignore[misc]
        else:
            rows.append(no_rows(len(piece.phones)))
    return phones, torch.cat([part.float().cpu() for part in rows], dim=1)


def default_front_end() -> FrontEnd:
    """`synth.text`, loaded when first needed: its dictionaries take a second."""
    from synth.text import frontend

    def read(text: str, language: str, dictionary: Dictionary, cut_method: str) -> ReadText:
        reading = frontend.read(text, language, dictionary=dictionary, method=cut_method)
        sentences = [
            Sentence(
                [Piece(p.language, p.norm_text, p.ids, p.phones_per_character) for p in sentence.pieces],
                sentence.pause_s,
            )
            for sentence in reading.sentences
        ]
        return ReadText(sentences, reading.warnings)

    return read
