"""The whole path of the original, from a text to samples of 16 bits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from synth.gptsovits.hubert import Hubert
from synth.gptsovits.loading import load_sovits, load_text2semantic
from synth.gptsovits.parity import upstream_pipeline
from synth.gptsovits.parity.findings import CLIPS, Finding, Golden, clip_of

EARLY_STOP = 100  # ``max_sec`` was 2 when these were recorded


def end_to_end(folder: Path) -> Iterator[Finding]:
    """From a text to 16-bit samples, in the original's way, with our reading of the text."""
    path, manifest = folder / "e2e_golden.npz", folder / "e2e_manifest.json"
    if not (path.exists() and manifest.exists() and (folder / "hubert_tiny").is_dir()):
        return
    golden, hubert = Golden(path), Hubert(folder / "hubert_tiny")
    clips = {CLIPS[name]: clip for name in CLIPS if (clip := clip_of(folder, name)) is not None}
    for case in json.loads(manifest.read_text(encoding="utf-8"))["cases"]:
        version, params = case["version"], case["params"]
        s1, s2 = (folder / "ckpt" / f"small_{version}_{part}" for part in ("s1.ckpt", "s2.pth"))
        wanted = {params["ref_audio_path"], *params.get("aux_ref_audio_paths", [])}
        if not (s1.exists() and s2.exists() and wanted <= clips.keys()):
            continue
        networks = upstream_pipeline.Networks(load_text2semantic(s1), load_sovits(s2), hubert, EARLY_STOP)
        expected = [golden.raw(f"{version}_{case['case']}_{i}") for i in range(len(case["lengths"]))]
        found = list(upstream_pipeline.run(networks, clips, params))
        error = float("inf")
        if [part.shape for part in found] == [part.shape for part in expected]:
            ours, theirs = (np.concatenate(parts).astype(np.int32) for parts in (found, expected))
            error = float(np.abs(ours - theirs).max())
        yield Finding("end to end", f"{version} {case['case']}", error)
