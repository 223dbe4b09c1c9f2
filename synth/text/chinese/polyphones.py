"""Chinese characters with several readings, settled by the words beside them."""

from __future__ import annotations

from collections.abc import Sequence

from synth.text.chinese.readings import Syllable
from synth.text.chinese.sandhi import Word

_NUMERALS = "零一二三四五六七八九十百千万两几半多每"


def settled(words: Sequence[Word]) -> dict[int, Syllable]:
    """Position of a character in the sentence -> its reading, where a rule has one."""
    found: dict[int, Syllable] = {}
    at = 0
    for index, word in enumerate(words):
        before = words[index - 1].text if index else ""
        if word.text == "只" and before and before[-1] in _NUMERALS:
            found[at] = ("zh", "i1")  # 四十四只, a measure word
        elif word.text == "地" and word.part == "uv":
            found[at] = ("d", "e5")  # 慢慢地
        elif word.text == "得" and word.part == "ud":
            found[at] = ("d", "e5")
        at += len(word.text)
    return found
