"""Phone error rates against what GPT-SoVITS's own front-end says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synth.text import parity

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "tests" / "data" / "text"
GOLDENS = ROOT.parent / "shared" / "gpt-sovits" / "goldens"
LANGUAGES = ("zh", "en", "ja", "ko", "yue")


@pytest.mark.parametrize("original", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_committed_rows(language, original):
    rows = json.loads((COMMITTED / "phones.json").read_text(encoding="utf-8"))[language]
    found = parity.measured_phones(language, language, rows, original=original and language == "zh")
    assert found.rows == len(rows)
    assert found.passes, found.differences


def test_the_originals_chinese_readings_are_there_to_be_had():
    rows = json.loads((COMMITTED / "phones.json").read_text(encoding="utf-8"))["zh"]
    assert parity.measured_phones("zh", "zh", rows, original=True).edits == 0


def test_own_sentences_in_the_originals_readings():
    rows = json.loads((COMMITTED / "own_zh.json").read_text(encoding="utf-8"))
    rows = [{**row, "phones": row["phones"].split()} for row in rows]
    found = parity.measured_phones("zh", "zh", rows, original=True)
    assert found.percent <= 0.2, found.differences


def test_committed_mixed_rows():
    rows = json.loads((COMMITTED / "mixed.json").read_text(encoding="utf-8"))
    found = parity.measured_mixed(rows)
    assert found.percent <= 5.0, found.differences
    assert found.identical >= len(rows) // 2


def test_committed_cuts():
    rows = json.loads((COMMITTED / "cuts.json").read_text(encoding="utf-8"))
    assert not parity.measured_cuts(rows).differences


@pytest.mark.skipif(not GOLDENS.is_dir(), reason="the large goldens are not here")
def test_all_rows(capsys):
    status = parity.main([str(GOLDENS)])
    printed = capsys.readouterr().out
    assert status == 0, printed
    assert printed.count("  ok") == 6
    found = {one.kind: one for one in parity.measured_folder(GOLDENS)}
    assert found["zh"].edits == 0
    # Beside the rows that the original gets wrong, each with its reason.
    assert found["zh as spoken"].percent <= 1.0
    assert found["mixed"].percent <= 5.0
    assert all(one.corrected <= 0.55 * one.rows for one in found.values())


def test_a_distant_front_end_is_told(tmp_path, capsys):
    rows = [{"text": "你好。", "norm_text": "再见.", "phones": ["z", "ai4", "j", "ian4", "."]}]
    (tmp_path / "text_zh.json").write_text(json.dumps(rows), encoding="utf-8")
    assert parity.main([str(tmp_path), "--differences"]) == 1
    printed = capsys.readouterr().out
    assert "TOO FAR" in printed
    assert "再见." in printed


def test_edit_distance():
    assert parity.edits("abc", "abc") == 0
    assert parity.edits("abc", "axc") == 1
    assert parity.edits("", "abc") == 3
    assert parity.edits("abcd", "bd") == 2
