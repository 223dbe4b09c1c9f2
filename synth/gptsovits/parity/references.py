"""What is read from clips and texts: resampling, spectra, speaker embeddings, HuBERT, BERT."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from synth.gptsovits.bert import Bert
from synth.gptsovits.hubert import Hubert
from synth.gptsovits.loading import load_sovits, load_speaker_encoder
from synth.gptsovits.parity.findings import CLIPS, VERSIONS, Finding, Golden, clip_of, differing, peak_error
from synth.gptsovits.reference_audio import (
    PROMPT_RATE_HZ,
    SpectrogramShape,
    at_sovits_rate,
    filter_bank,
    prompt_signal,
    resample_sinc,
    spectrogram,
)

#: Log energy, 6 nepers above the smallest: what lies below is the rounding of the Fourier transform, which differs
#: from processor to processor.
QUIETEST = -10.0


def reference_audio(folder: Path) -> Iterator[Finding]:
    path = folder / "common_reference_audio.npz"
    if not path.exists():
        return
    golden, shape = Golden(path), SpectrogramShape()
    for name in CLIPS:
        clip = clip_of(folder, name)
        if clip is None:
            continue
        samples, rate = clip
        at_32k = at_sovits_rate(torch.from_numpy(samples), rate, shape)
        at_16k = resample_sinc(at_32k, shape.sample_rate_hz, PROMPT_RATE_HZ)
        prompt = prompt_signal(samples, rate)
        for key, ours in (("audio32k", at_32k), ("audio16k_sv", at_16k), ("wav16k_librosa", prompt)):
            for suffix, part in (("", slice(None)), ("_first6000", slice(6000))):
                if f"{name}_{key}{suffix}" in golden:
                    expected = golden.raw(f"{name}_{key}{suffix}")
                    yield Finding("resampled audio", f"{name} {key}", peak_error(ours[part], expected))
        ours = spectrogram(at_32k, shape)
        parts = (("", slice(None)), ("_first16_frames", slice(16)), ("_last8_frames", slice(-8, None)))
        for suffix, part in parts:
            if f"{name}_spec{suffix}" in golden:
                expected = golden.raw(f"{name}_spec{suffix}")
                yield Finding("spectrogram", f"{name}{suffix}", peak_error(ours[:, part], expected))


def speaker_embeddings(folder: Path) -> Iterator[Finding]:
    weights, path = folder / "eres2netv2_tiny" / "tiny_eres2netv2.ckpt", folder / "eres2netv2_tiny_golden.npz"
    audio = folder / "common_reference_audio.npz"
    if not (weights.exists() and path.exists()):
        return
    network, golden = load_speaker_encoder(weights), Golden(path)
    for name in ("A", "B"):
        if f"{name}_fbank" not in golden:
            continue
        if audio.exists():
            bank = filter_bank(Golden(audio).floats(f"{name}_audio16k_sv"))
            expected = golden.raw(f"{name}_fbank")
            compared = np.where(expected < QUIETEST, expected, bank)
            yield Finding("filter bank", name, peak_error(compared, expected))
        vector = network(golden.floats(f"{name}_fbank")[None])[0]
        yield Finding("speaker embedding", name, peak_error(vector, golden.raw(f"{name}_embedding")))


def hubert_features(folder: Path) -> Iterator[Finding]:
    path, audio = folder / "hubert_tiny_golden.npz", folder / "common_reference_audio.npz"
    if not (path.exists() and audio.exists() and (folder / "hubert_tiny").is_dir()):
        return
    network, golden, signals = Hubert(folder / "hubert_tiny"), Golden(path), Golden(audio)
    for name in ("A", "B"):
        features = network.features(signals.floats(f"{name}_wav16k_librosa"))  # (1, width, frames)
        rows = features[0].T
        wanted = {
            "first20": rows[:20],
            "last20": rows[-20:],
            "mean_per_frame": rows.mean(1),
            "abs_per_frame": rows.abs().mean(1),
            "last_hidden_state_sub": rows[:: -(-len(rows) // 14)],
        }
        for key, ours in wanted.items():
            if f"{name}_{key}" in golden:
                yield Finding("hubert", f"{name} {key}", peak_error(ours, golden.raw(f"{name}_{key}")))
        for version in VERSIONS:
            own, s2 = folder / f"{version}_golden.npz", folder / "ckpt" / f"small_{version}_s2.pth"
            if own.exists() and s2.exists():
                tokens = load_sovits(s2).tokens(features)[0]
                error = differing(tokens, Golden(own).raw(f"codes_{name}"))
                yield Finding("prompt tokens", f"{version} {name}", error)


def bert_rows(folder: Path) -> Iterator[Finding]:
    rows_path, path = folder / "bert_tiny_golden.json", folder / "bert_tiny_golden.npz"
    if not (rows_path.exists() and path.exists() and (folder / "bert_tiny").is_dir()):
        return
    network, golden = Bert(folder / "bert_tiny"), Golden(path)
    for row in json.loads(rows_path.read_text(encoding="utf-8")):
        ours = network.rows(row["norm_text"], row["word2ph"])
        yield Finding("bert", f"{row['i']}", peak_error(ours[::8], golden.raw(f"feat{row['i']}_every8")))
        yield Finding("bert", f"{row['i']} sum", peak_error(ours.sum(0), golden.raw(f"feat{row['i']}_sum")))
