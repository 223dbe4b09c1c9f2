"""Excluded words behind given pronunciations: a reading must not make one word sound as another that is excluded.

`scope` checks what is written, when a use is asked for; what is heard only the front-end of the text room knows, in the
worker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from synth.errors import Forbidden
from synth.text.dictionary import NO_WORDS, Dictionary

#: Languages of the front-end. The others are read by a program that takes no pronunciations.
_READ = frozenset({"en", "zh", "yue", "ja", "ko"})


def refuse_excluded(scope: Mapping[str, Any], language: str, texts: Sequence[tuple[str, Dictionary]]) -> None:
    """Raise `Forbidden` ``scope_violation`` when pronunciations make a text sound like an excluded word.

    Tones and stress do not count. A text that sounds so without the pronunciations is a question of spelling, which
    was asked before.
    """
    given = [(text, words) for text, words in texts if any(entry.reading for entry in words.entries)]
    if not given or language not in _READ:
        return
    excluded = [sounds for term in scope.get("excluded_terms", ()) if (sounds := _sounds(term, language))]
    for text, words in given:
        heard, plain = _sounds(text, language, words), _sounds(text, language)
        if heard != plain and any(sounds in heard and sounds not in plain for sounds in excluded):
            raise Forbidden(
                "scope_violation",
                "The owner of this voice has excluded words of this text.",
                extra={"param": "text"},
            )


def _sounds(text: str, language: str, words: Dictionary = NO_WORDS) -> str:
    """The phones of a text as one string, each between blanks, without tones, stress and punctuation."""
    from synth.text import frontend

    phones = [
        phone for sentence in frontend.process(text, language, dictionary=words) for phone in sentence.phones
    ]
    plain = [re.sub(r"\d+$", "", phone) for phone in phones if phone[:1].isalnum()]
    return f" {' '.join(plain)} " if plain else ""
