"""Which engine speaks on this machine: the one place that knows them all.

``auto`` means GPT-SoVITS as soon as its weights are installed and load, else Kokoro where its files are, else
speech by rule; the choice is never silent, every engine carries its name, version and ``is_preview``.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from accounts.gates import speaker
from accounts.gates.limits import RATE_HZ
from accounts.gates.signal import to_mono_16k
from accounts.gates.speech import cut, speech_spans
from synth.engines.base import Engine
from synth.errors import AssentError, Unavailable
from synth.gptsovits import manifest, modes
from synth.modelstore import store

#: Accepted values of the setting, in the order in which ``auto`` prefers them.
ENGINES = ("gpt-sovits", "kokoro", "preview")


@dataclass(frozen=True)
class EngineStatus:
    """For the doctor and the start page; ``mend`` says what to do about what is missing."""

    name: str
    available: bool
    active: bool
    summary: str
    mend: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def choose(
    setting: str = "auto", *, models_dir: Path | str, mode: str = modes.AUTO, device: str = "auto"
) -> Engine:
    """The engine for ``setting`` ("auto", "gpt-sovits", "kokoro" or "preview").

    ``mode`` ("auto", "fp32" or "fast") and ``device`` ("auto", "cpu", "cuda", "cuda:1") are GPT-SoVITS's. Raises
    AssentError ``unknown_engine`` or ``engine_mode``, and ``engine_unavailable`` when a named engine cannot run here.
    """
    wanted = _checked(setting)
    _check_mode(mode)
    installed = _installed_version(models_dir)
    if wanted == "auto":
        wanted = "gpt-sovits" if installed else "kokoro" if _has_kokoro(models_dir) else "preview"
    if wanted == "gpt-sovits":
        if not installed:
            raise Unavailable("engine_unavailable", "The GPT-SoVITS weights are not installed.")
        try:
            module = importlib.import_module("synth.gptsovits.engine")
        except ModuleNotFoundError as error:
            raise Unavailable(
                "engine_unavailable", f"GPT-SoVITS needs the package {error.name}, which is not installed."
            ) from error
        engine: Engine = module.load(Path(models_dir), device, mode=mode)
        return engine
    from synth.engines.preview import PreviewEngine

    if wanted == "kokoro":
        if not _has_kokoro(models_dir):
            raise Unavailable("engine_unavailable", "Kokoro's files are not installed.")
        from synth.engines.kokoro.engine import KokoroEngine

        return KokoroEngine(models_dir, embed=_embed(models_dir), rules=PreviewEngine())
    return PreviewEngine()


def status(setting: str = "auto", *, models_dir: Path | str, mode: str = modes.AUTO) -> list[EngineStatus]:
    """What could speak here, without loading any weights, nor torch."""
    from synth.engines.content import status as content_status

    wanted = _checked(setting)
    installed = _installed_version(models_dir)
    production = installed is not None
    natural = _has_kokoro(models_dir)
    sources = content_status()
    usable = [s for s in sources if s["available"]]
    return [
        EngineStatus(
            "gpt-sovits",
            production,
            wanted == "gpt-sovits" or (wanted == "auto" and production),
            f"GPT-SoVITS {installed} weights are installed; {mode_in_words(mode)}."
            if production
            else "No GPT-SoVITS weights are installed.",
            _mend_mode(mode) if production else f"`manage.py models` says how they come into {models_dir}.",
            {"weights": installed, "mode": mode},
        ),
        EngineStatus(
            "kokoro",
            natural,
            wanted == "kokoro" or (wanted == "auto" and natural and not production),
            "Kokoro-82M in a mixture of voices like the clip's."
            if natural
            else "Kokoro's files are not installed.",
            "" if natural else "`manage.py models fetch` brings them.",
        ),
        EngineStatus(
            "preview",
            bool(usable),
            wanted == "preview" or (wanted == "auto" and not production and not natural),
            f"Preview speech from {', '.join(s['name'] for s in usable)}."
            if usable
            else "No program that pronounces text is installed.",
            ""
            if any(s["name"] == "flite" for s in usable)
            else "Install flite for much clearer English (Debian: apt install flite).",
            {"content": sources},
        ),
    ]


def mode_in_words(mode: str) -> str:
    """What GPT-SoVITS computes with in ``mode``, on a CPU of this installation."""
    _check_mode(mode)
    if modes.resolved(mode) == modes.FP32:
        return "mode fp32: the precision of the original"
    if modes.has_numba():
        return "mode fast: int8 and bfloat16, compiled by numba"
    return "mode fast: int8 by torch's operators, since numba is not installed, and bfloat16"


def _checked(setting: str) -> str:
    wanted = setting.strip().lower() or "auto"
    if wanted not in ("auto", *ENGINES):
        raise AssentError("unknown_engine", f"Engines are auto, {', '.join(ENGINES)}.", measured=setting)
    return wanted


def _check_mode(mode: str) -> None:
    if mode not in modes.SETTINGS:
        raise AssentError("engine_mode", f"Modes are {', '.join(modes.SETTINGS)}.", measured=mode)


def _mend_mode(mode: str) -> str:
    if mode != modes.FP32 and not modes.has_numba():
        return "Install numba for a decoder about four times as quick."
    return ""


def _has_kokoro(models_dir: Path | str) -> bool:
    return store.is_there(models_dir, "kokoro") and importlib.util.find_spec("onnxruntime") is not None


def _embed(models_dir: Path | str) -> Callable[[np.ndarray, int], np.ndarray | None] | None:
    """The speaker model as Kokoro wants it; None where its weights are missing."""
    weights = speaker.find_weights(models_dir)
    if weights is None:
        return None

    def embed(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray | None:
        mono = to_mono_16k(samples, sample_rate_hz)
        spoken = cut(mono, speech_spans(mono))
        return speaker.embed(spoken, weights).whole if len(spoken) >= 1.6 * RATE_HZ else None

    return embed


def _installed_version(models_dir: Path | str) -> str | None:
    """The best complete version, told by the names of files."""
    return manifest.best_version(Path(models_dir) / manifest.FOLDER)
