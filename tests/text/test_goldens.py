"""Phone error rates against what GPT-SoVITS's own front-end says, with the share of identical rows."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from synth.text.cutting import cut

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "tests" / "data" / "text"
GOLDENS = ROOT.parent / "shared" / "gpt-sovits" / "goldens"
MODULES = {"zh": "chinese", "en": "english", "ja": "japanese", "ko": "korean", "yue": "cantonese"}
# Chinese stands above what was aimed at (1 %): docs/text.md lists the readings that differ on purpose.
MOST_PERCENT = {"zh": 2.5, "en": 2.5, "ja": 6.0, "ko": 3.0, "yue": 3.0}
# The same words given to both, so that only the phones are compared.
MOST_PERCENT_SAME_WORDS = {"zh": 1.0}


def edits(ours: list[str], theirs: list[str]) -> int:
    row = list(range(len(theirs) + 1))
    for index, phone in enumerate(ours, 1):
        above, row = row, [index]
        for place, other in enumerate(theirs, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (phone != other)))
    return row[-1]


def measured(language: str, rows: list[dict], *, words_of_theirs: bool = False) -> float:
    module = import_module(f"synth.text.{MODULES[language]}")
    wrong = total = same = 0
    for row in rows:
        norm_text = row["norm_text"] if words_of_theirs else module.normalize(row["text"])
        phones, counts = module.phones(norm_text)
        if counts is not None:
            assert len(counts) == len(norm_text)
            assert sum(counts) == len(phones)
        distance = edits(phones, row["phones"])
        wrong, total, same = wrong + distance, total + len(row["phones"]), same + (distance == 0)
    percent = 100 * wrong / total
    print(
        f"{language}: PER {percent:.2f} % ({wrong} of {total} phones), {same} of {len(rows)} rows identical"
    )
    return percent


@pytest.mark.parametrize("language", MODULES)
def test_committed_rows(language):
    rows = json.loads((COMMITTED / "phones.json").read_text(encoding="utf-8"))[language]
    assert measured(language, rows) <= min(MOST_PERCENT[language], 1.0 if language == "zh" else 100.0)


@pytest.mark.skipif(not GOLDENS.is_dir(), reason="the large goldens are not here")
@pytest.mark.parametrize("language", MODULES)
def test_all_rows(language):
    rows = json.loads((GOLDENS / f"text_{language}.json").read_text(encoding="utf-8"))
    assert measured(language, rows) <= MOST_PERCENT[language]
    if language in MOST_PERCENT_SAME_WORDS:
        assert measured(language, rows, words_of_theirs=True) <= MOST_PERCENT_SAME_WORDS[language]


def check_cuts(rows: list[dict]) -> None:
    for row in rows:
        assert cut(row["text"], row["lang"], row["method"]) == row["pieces"], row


def test_committed_cuts():
    check_cuts(json.loads((COMMITTED / "cuts.json").read_text(encoding="utf-8")))


@pytest.mark.skipif(not GOLDENS.is_dir(), reason="the large goldens are not here")
def test_all_cuts():
    rows = json.loads((GOLDENS / "text_cut.json").read_text(encoding="utf-8"))
    check_cuts([row for row in rows if "pieces" in row])
