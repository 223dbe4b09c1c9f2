"""Which engine speaks on this machine.

``auto`` means GPT-SoVITS as soon as its weights are installed and load, else the preview engine; the
choice is never silent, every engine carries its name, version and ``is_preview``.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from synth.engines.base import Engine
from synth.errors import AssentError, Unavailable

#: Accepted values of the setting, in the order in which ``auto`` prefers them.
ENGINES = ("gpt-sovits", "preview")


@dataclass(frozen=True)
class EngineStatus:
    """For the doctor and the start page; ``mend`` says what to do about what is missing."""

    name: str
    available: bool
    active: bool
    summary: str
    mend: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def choose(setting: str = "auto", *, models_dir: Path | str) -> Engine:
    """The engine for ``setting`` ("auto", "gpt-sovits" or "preview").

    Raises AssentError ``unknown_engine``, or ``engine_unavailable`` when a named engine cannot run here.
    """
    wanted = _checked(setting)
    if wanted == "auto":
        wanted = "gpt-sovits" if _gptsovits_available(models_dir) else "preview"
    if wanted == "gpt-sovits":
        module = _gptsovits()
        if module is None or not module.available(Path(models_dir)):
            raise Unavailable("engine_unavailable", "The GPT-SoVITS weights are not installed.")
        engine: Engine = module.load(Path(models_dir))
        return engine
    from synth.engines.preview import PreviewEngine

    return PreviewEngine()


def status(setting: str = "auto", *, models_dir: Path | str) -> list[EngineStatus]:
    """What could speak here, without loading any weights."""
    from synth.engines.content import status as content_status

    wanted = _checked(setting)
    production = _gptsovits_available(models_dir)
    sources = content_status()
    usable = [s for s in sources if s["available"]]
    return [
        EngineStatus(
            "gpt-sovits",
            production,
            wanted == "gpt-sovits" or (wanted == "auto" and production),
            "GPT-SoVITS weights are installed." if production else "No GPT-SoVITS weights are installed.",
            "" if production else f"Put the GPT-SoVITS weights into {models_dir}.",
        ),
        EngineStatus(
            "preview",
            bool(usable),
            wanted == "preview" or (wanted == "auto" and not production),
            f"Preview speech from {', '.join(s['name'] for s in usable)}."
            if usable
            else "No program that pronounces text is installed.",
            ""
            if any(s["name"] == "flite" for s in usable)
            else "Install flite for much clearer English (Debian: apt install flite).",
            {"content": sources},
        ),
    ]


def _checked(setting: str) -> str:
    wanted = setting.strip().lower() or "auto"
    if wanted not in ("auto", *ENGINES):
        raise AssentError("unknown_engine", f"Engines are auto, {', '.join(ENGINES)}.", measured=setting)
    return wanted


def _gptsovits() -> ModuleType | None:
    """The GPT-SoVITS room, or None where it or torch is not installed."""
    try:
        return importlib.import_module("synth.gptsovits.engine")
    except ModuleNotFoundError:
        return None


def _gptsovits_available(models_dir: Path | str) -> bool:
    # The engine module imports torch; do not pay for it while there is no weights folder at all.
    if not Path(models_dir).is_dir():
        return False
    module = _gptsovits()
    return bool(module is not None and module.available(Path(models_dir)))
