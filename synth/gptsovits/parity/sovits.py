"""SoVITS against its recorded steps, from the reference to the audio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from synth.gptsovits.parity import upstream
from synth.gptsovits.parity.findings import Finding, Golden, clip_of, peak_error
from synth.gptsovits.reference_audio import at_sovits_rate, spectrogram
from synth.gptsovits.sovits import Sovits


def waveforms(version: str, golden: Golden, network: Sovits, folder: Path) -> Iterator[Finding]:
    references = {}
    for name in ("A", "B"):
        if (clip := clip_of(folder, name)) is not None:
            shape = network.spectrogram_shape
            references[name] = spectrogram(at_sovits_rate(torch.from_numpy(clip[0]), clip[1], shape), shape)
    speakers = {
        name: golden.floats(f"sv_emb_{name}") if network.uses_speaker_embedding else None
        for name in references
    }
    tokens, phones = golden.ints("dec_codes")[None], golden.ints("ph_text")[None]
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
        styles = torch.cat([network.reference_embedding(references[name][None]) for name in names])[:, :, 0]
        voice = network.mean_conditioning(
            [references[name] for name in names], [speakers[name] for name in names]
        )
        noise = golden.floats(f"{case}_noise")[None] if f"{case}_noise" in golden else None
        decoded = network(tokens, phones, voice, noise=noise, speed=speed)
        found = {
            "refenc_raw": ("reference embedding", styles),
            "ge": ("conditioning", voice[0, :, 0]),
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
        voice = network.mean_conditioning([references["A"]], [speakers["A"]])
        noises = [golden.floats(f"st_noise{i}")[None] for i in (1, 2)]
        first, hidden = upstream.decode_chunk(network, tokens[:, :14], phones, voice, noise=noises[0])
        second, joined = upstream.decode_chunk(
            network, tokens, phones, voice, noise=noises[1], keep_tokens=16, previous_hidden=hidden[:, :, -4:]
        )
        for key, ours in (("audio1", first[0, 0]), ("audio2", second[0, 0]), ("latent2", joined[0])):
            yield Finding("streamed audio", f"{version} {key}", peak_error(ours, golden.raw(f"st_{key}")))
