"""Chinese words and their parts of speech, by jieba."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from synth.text.chinese.sandhi import TaggedWord

_SAME_AGAIN = re.compile(r"(.)\1{7,}")


@cache
def _tagger() -> Any:
    """jieba's part-of-speech tagger over its own dictionary.

    jieba keeps a marshalled copy of the dictionary in a folder; a shared one would be a way to run foreign code in
    this process, so it is the installation's own or a private one that goes with the process.
    """
    import jieba_next
    from jieba_next import posseg

    data = os.environ.get("ASSENT_DATA_DIR")
    if data:
        folder = Path(data) / "cache" / "jieba"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    else:
        folder = Path(tempfile.mkdtemp(prefix="assent-jieba-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    jieba_next.set_cache_dir(folder)
    return posseg.POSTokenizer(jieba_next.dt)


def tagged(sentence: str) -> list[TaggedWord]:
    """Words of a sentence without marks."""
    words: list[TaggedWord] = []
    place = 0
    for run in _SAME_AGAIN.finditer(sentence):
        words += _tagged_text(sentence[place : run.start()])
        words += [TaggedWord(character, "x") for character in run[0]]  # jieba is very slow at such runs
        place = run.end()
    return words + _tagged_text(sentence[place:])


def _tagged_text(text: str) -> list[TaggedWord]:
    # Not the public `lcut`: in this version it leaves the dictionary aside and guesses words from characters.
    return [TaggedWord(pair.word, pair.flag) for pair in _tagger()._lcut_internal(text)] if text else []


@lru_cache(maxsize=20_000)
def halves(word: str) -> tuple[str, str]:
    """A word in two, at its shortest known part."""
    parts = _tagger().tokenizer.lcut_for_search(word)
    shortest = min(parts, key=len)
    if word.startswith(shortest):
        return shortest, word[len(shortest) :]
    return word[: -len(shortest)], shortest


def borders(text: str) -> list[int]:
    """Where words begin, for a text that has to be cut without marks."""
    found, at = [], 0
    for word in _tagger().tokenizer.lcut(text):
        at += len(word)
        found.append(at)
    return found
