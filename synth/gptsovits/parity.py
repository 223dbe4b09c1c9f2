"""Every golden of a folder against this implementation: ``python -m synth.gptsovits.parity FOLDER``.

Prints the largest error of each kind beside its limit and exits with 1 when one is passed. A folder need
not hold everything: what is there is compared, and the number of comparisons is printed. Tensor errors are
relative to the peak of what is expected; codes and chunk lists count differing items; end to end counts the steps
of 16 bits by which the farthest sample is off.
"""

from __future__ import annotations

# ruff: noqa: T201
import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synth.gptsovits import upstream, upstream_pipeline
from synth.gptsovits.bert import Bert
from synth.gptsovits.decoding import DecodeBatch, Ended, Row, Utterance, codes_of
from synth.gptsovits.hubert import Hubert
from synth.gptsovits.reference_audio import (
    PROMPT_RATE_HZ,
    SpectrogramShape,
    at_sovits_rate,
    filter_bank,
    prompt_signal,
    resample_sinc,
    spectrogram,
)
from synth.gptsovits.sampling import SamplingParams
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.text2semantic import Text2Semantic
from synth.gptsovits.weights import load_sovits, load_speaker_vector, load_text2semantic

VERSIONS = ("v2", "v2Pro", "v2ProPlus")
PROMPT_CODES = 60
CLIPS = {
    "A": "refA_32k_mono.wav",
    "B": "refB_44k1_stereo.wav",
    "C": "refC_22k05_loudfloat.wav",
    "D": "refD_16k_veryloudfloat.wav",
}
# Largest error allowed by kind; 0 means equal.
LIMITS = {
    "resampled audio": 1e-5,
    "spectrogram": 1e-5,
    "filter bank": 1e-5,
    "speaker vector": 1e-5,
    "hubert": 1e-4,
    "bert": 1e-4,
    "prompt codes": 0,
    "logits": 1e-5,
    "greedy codes": 0,
    "sampled codes": 0,
    "batch codes": 0,
    "stream chunks": 0,
    "style vector": 1e-5,
    "voice vector": 1e-5,
    "text encoder": 1e-5,
    "prior": 1e-5,
    "flow": 1e-5,
    "audio": 1e-4,
    "streamed audio": 1e-4,
    "end to end": 1,  # steps of 16 bits: the original cuts off behind them, where rounding shows
}


@dataclass(frozen=True)
class Finding:
    """One comparison."""

    kind: str
    case: str
    error: float

    @property
    def passed(self) -> bool:
        return self.error <= LIMITS[self.kind]


def peak_error(found: Tensor | np.ndarray, expected: np.ndarray) -> float:
    """Largest deviation over the largest expected value; infinite when the shapes differ."""
    ours = np.asarray(found, dtype=np.float64)
    if ours.shape != expected.shape:
        return float("inf")
    return float(np.abs(ours - expected).max() / (np.abs(expected).max() + 1e-9))


def differing(found: Any, expected: Any) -> float:
    """Number of differing items; a different length counts as such."""
    ours, theirs = list(np.asarray(found).ravel()), list(np.asarray(expected).ravel())
    return float(sum(a != b for a, b in zip(ours, theirs, strict=False)) + abs(len(ours) - len(theirs)))


class Golden:
    """One ``.npz`` as tensors of the dtypes that the networks take."""

    def __init__(self, path: Path) -> None:
        self.data = np.load(path)

    def __contains__(self, name: str) -> bool:
        return name in self.data.files

    def raw(self, name: str) -> np.ndarray:
        return self.data[name]

    def floats(self, name: str) -> Tensor:
        return torch.from_numpy(self.data[name].astype(np.float32))

    def ints(self, name: str) -> Tensor:
        return torch.from_numpy(self.data[name].astype(np.int64))


@torch.inference_mode()
def compare(folder: Path) -> Iterator[Finding]:
    """All comparisons that a folder of the documented layout allows."""
    yield from _reference_audio(folder)
    yield from _speaker_vector(folder)
    yield from _hubert(folder)
    yield from _bert(folder)
    for version in VERSIONS:
        golden_path = folder / f"{version}_golden.npz"
        s1, s2 = (folder / "ckpt" / f"small_{version}_{part}" for part in ("s1.ckpt", "s2.pth"))
        if not golden_path.exists():
            continue
        golden = Golden(golden_path)
        if s1.exists():
            yield from _text2semantic(version, golden, load_text2semantic(s1))
        if s2.exists():
            yield from _sovits(version, golden, load_sovits(s2), folder)
    yield from _end_to_end(folder)


# --------------------------------------------------------------------------------------- the reference's side


def _clip(folder: Path, name: str) -> tuple[np.ndarray, int] | None:
    import soundfile

    paths = [folder / "wav" / CLIPS[name], (folder / "wav" / CLIPS[name]).with_suffix(".flac")]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        return None
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.T, rate


def _reference_audio(folder: Path) -> Iterator[Finding]:
    path = folder / "common_reference_audio.npz"
    if not path.exists():
        return
    golden, shape = Golden(path), SpectrogramShape()
    for name in CLIPS:
        clip = _clip(folder, name)
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


def _speaker_vector(folder: Path) -> Iterator[Finding]:
    weights, path = folder / "eres2netv2_tiny" / "tiny_eres2netv2.ckpt", folder / "eres2netv2_tiny_golden.npz"
    audio = folder / "common_reference_audio.npz"
    if not (weights.exists() and path.exists()):
        return
    network, golden = load_speaker_vector(weights), Golden(path)
    for name in ("A", "B"):
        if f"{name}_fbank" not in golden:
            continue
        if audio.exists():
            bank = filter_bank(Golden(audio).floats(f"{name}_audio16k_sv"))
            yield Finding("filter bank", name, peak_error(bank, golden.raw(f"{name}_fbank")))
        vector = network(golden.floats(f"{name}_fbank")[None])[0]
        yield Finding("speaker vector", name, peak_error(vector, golden.raw(f"{name}_embedding")))


def _hubert(folder: Path) -> Iterator[Finding]:
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
                codes = load_sovits(s2).codes(features)[0]
                error = differing(codes, Golden(own).raw(f"codes_{name}"))
                yield Finding("prompt codes", f"{version} {name}", error)


def _bert(folder: Path) -> Iterator[Finding]:
    rows_path, path = folder / "bert_tiny_golden.json", folder / "bert_tiny_golden.npz"
    if not (rows_path.exists() and path.exists() and (folder / "bert_tiny").is_dir()):
        return
    network, golden = Bert(folder / "bert_tiny"), Golden(path)
    for row in json.loads(rows_path.read_text(encoding="utf-8")):
        ours = network.rows(row["norm_text"], row["word2ph"])
        yield Finding("bert", f"{row['i']}", peak_error(ours[::8], golden.raw(f"feat{row['i']}_every8")))
        yield Finding("bert", f"{row['i']} sum", peak_error(ours.sum(0), golden.raw(f"feat{row['i']}_sum")))


# ------------------------------------------------------------------------------------------ text to semantic


class _Recorder:
    """Keeps the raw logits of each step, before the penalty and the missing end are applied."""

    def __init__(self, model: Text2Semantic) -> None:
        self.logits: list[Tensor] = []
        self._handle = model.head.register_forward_hook(self._keep)

    def _keep(self, _module: object, _inputs: object, output: Tensor) -> None:
        self.logits.append(output.reshape(-1).clone())

    def __enter__(self) -> _Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()


def _utterance(
    golden: Golden, *, text: str = "ph_text", rows: str = "bert_text", prompted: bool = True, **more: Any
) -> Utterance:
    phones = golden.ints(text)
    bert_rows = golden.floats(rows) if rows in golden else torch.zeros(1024, len(phones))
    prompt = torch.zeros(0, dtype=torch.int64)
    if prompted:
        phones = torch.cat([golden.ints("ph_prompt"), phones])
        bert_rows = torch.cat([golden.floats("bert_prompt"), bert_rows], dim=1)
        prompt = golden.ints("codes_A")[:PROMPT_CODES]
    return Utterance(phones, bert_rows, prompt, **more)


def _recorded(golden: Golden, name: str) -> Callable[[], Tensor]:
    steps = iter(golden.floats(name))
    return lambda: next(steps)


def _text2semantic(version: str, golden: Golden, model: Text2Semantic) -> Iterator[Finding]:
    prompt = golden.raw("codes_A")[:PROMPT_CODES]

    # Early stop at n in the goldens means that n + 1 codes have been drawn.
    greedy = SamplingParams(top_k=1)
    with _Recorder(model) as recorder:
        codes = list(codes_of(model, _utterance(golden, params=greedy, max_codes=401)))
    expected = golden.raw("t2s_greedy_prompt_y")
    yield Finding("greedy codes", f"{version} prompt", differing([*prompt, *codes], expected))
    first = torch.stack(recorder.logits[:20])
    yield Finding("logits", f"{version} prefill", peak_error(first[0], golden.raw("t2s_prefill_logits")))
    yield Finding("logits", f"{version} first 20", peak_error(first, golden.raw("t2s_first20_logits_raw")))
    last = peak_error(recorder.logits[-1], golden.raw("t2s_last_step_logits_raw"))
    yield Finding("logits", f"{version} last", last)

    with _Recorder(model) as recorder:
        bare = list(codes_of(model, _utterance(golden, prompted=False, params=greedy, max_codes=91)))
    yield Finding(
        "greedy codes", f"{version} no prompt", differing(bare, golden.raw("t2s_greedy_noprompt_y"))
    )
    first = torch.stack(recorder.logits[:5])
    error = peak_error(first, golden.raw("t2s_greedy_noprompt_first5_logits"))
    yield Finding("logits", f"{version} no prompt", error)

    drawn = {
        "t2s_sample": (SamplingParams(), 61),
        "t2s_sample2": (SamplingParams(0.6, 20, 0.6, 1.0), 51),
    }
    for name, (params, max_codes) in drawn.items():
        if f"{name}_y" not in golden:
            continue
        noise = _recorded(golden, f"{name}_noise_q")
        found = list(codes_of(model, _utterance(golden, params=params, max_codes=max_codes, noise=noise)))
        error = differing([*prompt, *found], golden.raw(f"{name}_y"))
        yield Finding("sampled codes", f"{version} {name}", error)

    yield from _batch(version, golden, model, prompt)

    for mode, chunks in (
        ("fixed", upstream.fixed_chunks(codes, 16)),
        ("var", upstream.variable_chunks(model, codes, 16)),
    ):
        count = int(golden.raw(f"t2s_stream_{mode}_nchunks"))
        expected_chunks = [golden.raw(f"t2s_stream_{mode}_chunk{i}") for i in range(count)]
        found_chunks = list(chunks)
        error = sum(differing(a, b) for a, b in zip(found_chunks, expected_chunks, strict=False))
        error += abs(len(found_chunks) - count)
        yield Finding("stream chunks", f"{version} {mode}", error)


def _batch(version: str, golden: Golden, model: Text2Semantic, prompt: np.ndarray) -> Iterator[Finding]:
    """Three texts together. At the early stop the original drops the last code of what still runs."""
    texts = (("ph_text", "bert_text"), ("ph_text2", "none"), ("ph_text3", "bert_text3"))
    batch = DecodeBatch(model, max_rows=3)
    rows: list[Row] = []
    for i, (text, rows_name) in enumerate(texts):
        with _Recorder(model) as recorder:
            utterance = _utterance(
                golden, text=text, rows=rows_name, params=SamplingParams(top_k=1), max_codes=71
            )
            rows.append(batch.join(utterance))
        expected = golden.raw("t2s_batch_prefill_logits")[i]
        yield Finding("logits", f"{version} batch {i}", peak_error(recorder.logits[0], expected))
    while len(batch):
        batch.step()
    for i, row in enumerate(rows):
        codes = row.codes if row.ended is Ended.BY_ITSELF else row.codes[:-1]
        error = differing([*prompt, *codes], golden.raw(f"t2s_batch_y{i}"))
        yield Finding("batch codes", f"{version} {i}", error)


# ---------------------------------------------------------------------------------------------------- SoVITS


def _sovits(version: str, golden: Golden, network: Sovits, folder: Path) -> Iterator[Finding]:
    references = {}
    for name in ("A", "B"):
        if (clip := _clip(folder, name)) is not None:
            shape = network.spectrogram_shape
            references[name] = spectrogram(at_sovits_rate(torch.from_numpy(clip[0]), clip[1], shape), shape)
    speakers = {
        name: golden.floats(f"sv_emb_{name}") if network.has_speaker_vector else None for name in references
    }
    codes, phones = golden.ints("dec_codes")[None], golden.ints("ph_text")[None]
    cases = {
        "d0": ("A", 1.0),
        "d1": ("A", 1.0),
        "d2refs": ("AB", 1.0),
        "d_speed125": ("A", 1.25),
        "d_speed08": ("A", 0.8),
    }
    for case, (names, speed) in cases.items():
        if f"{case}_audio" not in golden or any(name not in references for name in names):
            continue
        styles = torch.cat([network.style_vector(references[name][None]) for name in names])[:, :, 0]
        voice = network.voice_of([references[name] for name in names], [speakers[name] for name in names])
        noise = golden.floats(f"{case}_noise")[None] if f"{case}_noise" in golden else None
        decoded = network(codes, phones, voice, noise=noise, speed=speed)
        found = {
            "refenc_raw": ("style vector", styles),
            "ge": ("voice vector", voice[0, :, 0]),
            "enc_y": ("text encoder", decoded.prior.hidden[0]),
            "m_p": ("prior", decoded.prior.mean[0]),
            "logs_p": ("prior", decoded.prior.log_deviation[0]),
            "z": ("flow", decoded.latent[0]),
            "audio": ("audio", decoded.audio[0, 0]),
        }
        for key, (kind, ours) in found.items():
            if f"{case}_{key}" in golden:
                yield Finding(kind, f"{version} {case} {key}", peak_error(ours, golden.raw(f"{case}_{key}")))
    if "st_audio1" in golden and "A" in references:
        voice = network.voice_of([references["A"]], [speakers["A"]])
        noises = [golden.floats(f"st_noise{i}")[None] for i in (1, 2)]
        first, hidden = upstream.decode_chunk(network, codes[:, :14], phones, voice, noise=noises[0])
        second, joined = upstream.decode_chunk(
            network, codes, phones, voice, noise=noises[1], keep_codes=16, previous_hidden=hidden[:, :, -4:]
        )
        for key, ours in (("audio1", first[0, 0]), ("audio2", second[0, 0]), ("latent2", joined[0])):
            yield Finding("streamed audio", f"{version} {key}", peak_error(ours, golden.raw(f"st_{key}")))


# ------------------------------------------------------------------------------------------------- end to end

EARLY_STOP = 100  # ``max_sec`` was 2 when these were recorded


def _end_to_end(folder: Path) -> Iterator[Finding]:
    """From a text to 16-bit samples, in the original's way, with our reading of the text."""
    path, manifest = folder / "e2e_golden.npz", folder / "e2e_manifest.json"
    if not (path.exists() and manifest.exists() and (folder / "hubert_tiny").is_dir()):
        return
    golden, hubert = Golden(path), Hubert(folder / "hubert_tiny")
    clips = {CLIPS[name]: clip for name in CLIPS if (clip := _clip(folder, name)) is not None}
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


# ------------------------------------------------------------------------------------------------ the command


def main(arguments: list[str] | None = None) -> int:
    """Command line: the folder; ``--all`` lists every comparison."""
    parser = argparse.ArgumentParser(prog="python -m synth.gptsovits.parity")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--all", action="store_true", help="list every comparison, not only the worst of a kind"
    )
    options = parser.parse_args(arguments)
    by_kind: dict[str, list[Finding]] = defaultdict(list)
    for finding in compare(options.folder):
        by_kind[finding.kind].append(finding)
        if options.all:
            print(f"  {finding.kind:16} {finding.case:28} {finding.error:.2e}")
    if not by_kind:
        print(f"no goldens in {options.folder}", file=sys.stderr)
        return 2
    print(f"{'kind':16} {'n':>4} {'largest':>9} {'limit':>8}")
    failed = False
    for kind, findings in by_kind.items():
        worst = max(findings, key=lambda finding: finding.error)
        verdict = "" if worst.passed else f"  FAILED ({worst.case})"
        failed = failed or not worst.passed
        print(f"{kind:16} {len(findings):4} {worst.error:9.2e} {LIMITS[kind]:8.0e}{verdict}")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
