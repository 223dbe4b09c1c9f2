"""Parts of speech of English words: an averaged perceptron with Penn Treebank tags.

The weights are those of NLTK's ``averaged_perceptron_tagger``, to one decimal (see ``data/NOTICE.txt``).
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Sequence
from functools import cache

from synth.text.symbols import DATA


@cache
def _model() -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Weights of tags by feature, and the words that have one tag only."""
    lines = lzma.decompress((DATA / "tagger_en.txt.xz").read_bytes()).decode().split("\n")
    tagged = dict(pair.rsplit("/", 1) for pair in lines[0].split(" "))
    weights = {}
    for line in lines[1:-1]:
        feature, _, row = line.partition("\t")
        pairs = (pair.rsplit(":", 1) for pair in row.split(" "))
        weights[feature] = {tag: int(tenths) / 10 for tag, tenths in pairs}
    return weights, tagged


def tags(words: Sequence[str]) -> list[str]:
    """A tag for each word or mark of one sentence."""
    weights, tagged = _model()
    context = ["-START-", "-START2-", *map(_plain, words), "-END-", "-END2-"]
    before, before_that = "-START-", "-START2-"
    found = []
    for index, word in enumerate(words):
        tag = tagged.get(word)
        if tag is None:
            scores: dict[str, float] = {}
            for feature in _features(index + 2, word, context, before, before_that):
                for name, weight in weights.get(feature, {}).items():
                    scores[name] = scores.get(name, 0.0) + weight
            tag = max(scores, key=lambda name: (scores[name], name))
        found.append(tag)
        before, before_that = tag, before
    return found


def _plain(word: str) -> str:
    return "!HYPHEN" if "-" in word and word[0] != "-" else word.lower()


def _features(at: int, word: str, context: Sequence[str], before: str, before_that: str) -> Iterator[str]:
    yield "bias"
    yield f"i suffix {word[-3:]}"
    yield f"i pref1 {word[0]}"
    yield f"i-1 tag {before}"
    yield f"i-2 tag {before_that}"
    yield f"i tag+i-2 tag {before} {before_that}"
    yield f"i word {context[at]}"
    yield f"i-1 tag+i word {before} {context[at]}"
    yield f"i-1 word {context[at - 1]}"
    yield f"i-1 suffix {context[at - 1][-3:]}"
    yield f"i-2 word {context[at - 2]}"
    yield f"i+1 word {context[at + 1]}"
    yield f"i+1 suffix {context[at + 1][-3:]}"
    yield f"i+2 word {context[at + 2]}"
