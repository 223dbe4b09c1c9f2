"""A speaker that needs no program, and a run small enough for a test."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import watermark
from watermark.training import config as configuration
from watermark.training import loop, material, voices

CONFIGS = Path(watermark.__file__).parent / "training" / "configs"


@pytest.fixture
def speaker(monkeypatch):
    """Every voice hums its text: a pitch of its own, syllables, and true silence between the words."""

    def speak(voice, text, generator):
        time = np.arange(22_050 * 2) / 22_050
        pitch_hz = 90 + sum(str(voice).encode()) % 120
        hum = sum(np.sin(2 * np.pi * pitch_hz * k * time) / k for k in range(1, 20))
        gate = (np.sin(2 * np.pi * (2 + len(text) % 3) * time) > -0.5) & (time > 0.2)
        return (0.1 * hum * gate * generator.uniform(0.5, 1)).astype(np.float32), 22_050

    monkeypatch.setattr(material, "speak", speak)
    monkeypatch.setattr(voices, "installed", lambda: {"flite", "festival", "espeak-ng"})


@pytest.fixture
def tiny(tmp_path, speaker, monkeypatch):
    """A configuration of two short phases, its material made."""
    material.make(tmp_path / "material", minutes=0.2, seed=5)
    monkeypatch.setattr(loop, "_EXPORT_BATCHES", 2)
    full = configuration.load(CONFIGS / "narrow-cpu.toml")
    small = replace(full.generator, filters=2, dimension=4)
    loud = replace(full.phases[0], steps=4, edits=0.5)
    quiet = replace(full.phases[2], steps=4, edits=1.0, generator_every=2)
    return replace(
        full,
        run_folder=str(tmp_path / "run"),
        material_folder=str(tmp_path / "material"),
        batch=4,
        segment_s=0.3,
        precision="fp32",
        report_every=2,
        checkpoint_every=100,
        generator=small,
        detector=replace(full.detector, filters=2, dimension=4, last_kernel=5),
        phases=(loud, quiet),
    )
