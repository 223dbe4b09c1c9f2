"""Make the committed takes of `tests/data/takes` again: phrases and style clips of four flite voices.

Needs the flite program and pyworld (style clips only), neither of which the project depends on:

    python -m tests.data.make_takes

The phrases of a voice lie one after the other in one FLAC file, each at a pace and pitch of its own (fixed
seed), rounded to ten bits, which halves their size and leaves some 50 dB of quiet. `manifest.json` says where
each lies. The style clips are one neutral reading and two edits of it: "sad" is slower, lower, narrower in
pitch, quieter and has longer pauses; "cheerful" is the opposite.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyworld
import soundfile

from accounts.gates import vocabulary
from accounts.gates.challenge import enumeration, year_words
from tests import takes
from tests.data.negations import NEGATED_CONSENTS, NEGATED_OWNERS

PURPOSES = (takes.PURPOSES, (*takes.PURPOSES, "advertising"), ("narration",))
STYLE_TEXT = "The harbor lights were still burning when we came home, and nobody asked us where we had been."
# pace, pitch, pitch range, level in dB, breathiness, seconds added to pauses
STYLES = {"sad": (1.3, 0.84, 0.4, -7.0, 0.2, 0.4), "cheerful": (0.86, 1.22, 1.6, 2.0, 0.0, 0.0)}


def phrases() -> list[str]:
    """Every phrase that is committed for each voice, in lower case without punctuation."""
    organisation = takes.ORGANISATION.lower()
    return [
        *(f"my name is {person.lower()}" for person in (takes.PERSON, *takes.OTHER_PERSONS)),
        f"my name is not {takes.PERSON.lower()}",
        "i am the owner of this voice",
        *(f"i {owner} the owner of this voice" for owner in NEGATED_OWNERS),
        f"and i consent to {organisation}",
        "and i consent to northern radio",
        *(f"and i {consent} to {organisation}" for consent in NEGATED_CONSENTS),
        "creating synthetic speech from it",
        "creating no synthetic speech from it",
        "today is",
        *(f"the {day}" for day in vocabulary.DAYS),
        *(f"of {month}" for month in vocabulary.MONTHS),
        *(year_words(year) for year in range(2026, 2030)),
        "my six words are",
        *vocabulary.WORDS_EN,
        *(f"for {enumeration(purposes).lower().replace(',', '')}" for purposes in PURPOSES),
    ]


def coarse(samples: np.ndarray) -> np.ndarray:
    """Peak 0.9, rounded to steps of 1/512."""
    samples = samples * (0.9 / np.abs(samples).max())
    return (np.round(samples * 512) / 512).astype(np.float32)


def write(path: Path, samples: np.ndarray) -> None:
    soundfile.write(path, samples, takes.RATE_HZ, format="FLAC", subtype="PCM_16", compression_level=1.0)


def make_phrases(voice: str) -> dict[str, Any]:
    generator = np.random.default_rng([20261122, takes.VOICES.index(voice)])
    places, pieces, at = {}, [], 0
    for text in phrases():
        samples = takes.flite(
            text, voice, pace=generator.uniform(0.97, 1.1), pitch=generator.uniform(0.95, 1.06)
        )
        places[text] = (at, len(samples))
        pieces.append(coarse(samples))
        at += len(samples)
    write(takes.DATA / f"{voice}.flac", np.concatenate(pieces))
    return {"file": f"{voice}.flac", "phrases": places}


def make_style(neutral: np.ndarray, style: str) -> np.ndarray:
    """``neutral`` (float32, 16 kHz) re-spoken by WORLD in ``style``."""
    pace, pitch, spread, level_db, breath, pause_s = STYLES[style]
    x = neutral.astype(np.float64)
    f0, times = pyworld.harvest(x, takes.RATE_HZ, f0_floor=60.0, f0_ceil=400.0)
    envelope = pyworld.cheaptrick(x, f0, times, takes.RATE_HZ)
    noise = pyworld.d4c(x, f0, times, takes.RATE_HZ)
    voiced = f0 > 0
    centre = np.log(f0[voiced]).mean()
    f0[voiced] = np.exp(centre + np.log(pitch) + (np.log(f0[voiced]) - centre) * spread)
    noise = np.clip(noise + breath * (1 - noise), 0, 1)
    index = np.clip(np.round(np.arange(0, len(f0), 1 / pace)).astype(int), 0, len(f0) - 1)
    f0, envelope, noise = f0[index], envelope[index], noise[index]
    for near in (2 * len(f0) // 3, len(f0) // 3) if pause_s else ():
        window = envelope.sum(axis=1)[near - 80 : near + 80]
        quietest = near - 80 + int(np.argmin(np.convolve(window, np.ones(9), "same")))
        silence = int(pause_s * 200)
        f0 = np.insert(f0, quietest, np.zeros(silence))
        envelope = np.insert(envelope, quietest, np.full((silence, 1), 1e-12), axis=0)
        noise = np.insert(noise, quietest, np.ones((silence, 1)), axis=0)
    y = pyworld.synthesize(f0, np.ascontiguousarray(envelope), np.ascontiguousarray(noise), takes.RATE_HZ)
    return (takes.trimmed(y) / np.abs(y).max() * 0.6 * 10 ** (level_db / 20)).astype(np.float32)


def make_styles(voice: str) -> dict[str, Any]:
    neutral = takes.flite(STYLE_TEXT, voice)
    neutral = (neutral / np.abs(neutral).max() * 0.6).astype(np.float32)
    generator = np.random.default_rng([7, takes.VOICES.index(voice)])
    made = {}
    for style in takes.STYLES:
        samples = neutral if style == "neutral" else make_style(neutral, style)
        quiet = np.zeros(int(0.25 * takes.RATE_HZ), np.float32)
        samples = np.concatenate([quiet, samples, quiet])
        samples = samples + generator.normal(size=len(samples)) * 10 ** (-62 / 20)
        name = f"{voice}-{style}.flac"
        write(takes.DATA / name, np.round(samples * 1024) / 1024)
        made[f"{voice}-{style}"] = {"file": name, "transcript": STYLE_TEXT, "language": "en"}
    return made


def main() -> None:
    takes.DATA.mkdir(exist_ok=True)
    manifest: dict[str, Any] = {"sample_rate_hz": takes.RATE_HZ, "voices": {}, "styles": {}}
    for voice in takes.VOICES:
        manifest["voices"][voice] = make_phrases(voice)
        manifest["styles"] |= make_styles(voice)
    text = json.dumps(manifest, indent=1, sort_keys=True)
    (takes.DATA / "manifest.json").write_text(text + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in takes.DATA.iterdir())
    sys.stdout.write(f"{size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
