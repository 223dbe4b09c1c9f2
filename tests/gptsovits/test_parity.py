"""The networks against recorded results of the original."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from synth.gptsovits.parity import compare
from tests.gptsovits.conftest import SHARED


def test_committed_goldens(goldens):
    findings = list(compare.compare(goldens))
    kinds = {finding.kind for finding in findings}
    assert {
        "spectrogram",
        "logits",
        "greedy tokens",
        "sampled tokens",
        "batch tokens",
        "stream chunks",
    } <= kinds
    assert {"reference embedding", "conditioning", "prior", "audio"} <= kinds
    assert [finding for finding in findings if not finding.passed] == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the full set of goldens is not beside this repository")
def test_all_goldens(capsys):
    assert compare.main([str(SHARED)]) == 0
    said = capsys.readouterr().out
    assert "speaker embedding" in said and "end to end" in said


def test_a_changed_golden_fails(goldens, tmp_path, capsys):
    shutil.copytree(goldens, tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "ckpt").glob("*s2*"):
        path.unlink()
    table = dict(np.load(tmp_path / "v2_golden.npz"))
    table["t2s_greedy_prompt_y"] = table["t2s_greedy_prompt_y"].copy()
    table["t2s_greedy_prompt_y"][-3] += 1
    np.savez(tmp_path / "v2_golden.npz", **table)
    assert compare.main([str(tmp_path)]) == 1
    assert "greedy tokens" in capsys.readouterr().out


def test_an_empty_folder_is_not_parity(tmp_path, capsys):
    assert compare.main([str(tmp_path)]) == 2
