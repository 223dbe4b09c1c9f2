"""Programs that pronounce text for the preview engine. None of their code runs in our process."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from synth.engines.content import espeak, flite
from synth.engines.content.base import ContentVoice, Rendering
from synth.errors import AssentError, Unavailable

__all__ = ["ContentVoice", "Rendering", "choose_voice", "languages", "status"]


def choose_voice(
    language: str, *, f0_hz: float, excluded: Collection[str] = (), sources: Collection[str] | None = None
) -> ContentVoice:
    """The voice to pronounce ``language`` with: flite for English, else espeak-ng, else its bundled library.

    Among flite's voices the one whose pitch is nearest to ``f0_hz`` wins. ``excluded`` names flite voices
    that must not be used; ``sources`` limits the choice to some of "flite", "espeak-ng", "espeakng-loader".
    Raises Unavailable ``no_content_voice`` or AssentError ``language_not_offered``.
    """
    primary = language.lower().replace("_", "-").split("-")[0]
    if primary not in languages(sources):
        if not languages(sources):
            raise _no_voice()
        raise AssentError(
            "language_not_offered",
            "The preview engine does not speak this language.",
            measured=language,
            extra={"offered": sorted(languages(sources))},
        )
    path = flite.program() if _allowed("flite", sources) else None
    if primary == "en" and path:
        names = [name for name in flite.installed_voices(path) if name not in excluded]
        natural = [name for name in names if name != "kal16"] or names  # diphones only where nothing else is
        if natural:
            near = min(natural, key=lambda name: abs(math.log(flite.VOICE_F0_HZ[name] / f0_hz)))
            return flite.FliteVoice(path, near)
    path = espeak.program() if _allowed("espeak-ng", sources) else None
    if path is None and not (_allowed("espeakng-loader", sources) and espeak.loader_installed()):
        raise _no_voice()
    return espeak.EspeakVoice(path, espeak.voice_for(language))


def languages(sources: Collection[str] | None = None) -> frozenset[str]:
    """Primary language subtags that some installed program pronounces."""
    if (_allowed("espeak-ng", sources) and espeak.program()) or (
        _allowed("espeakng-loader", sources) and espeak.loader_installed()
    ):
        return espeak.LANGUAGES
    return frozenset({"en"}) if _allowed("flite", sources) and flite.program() else frozenset()


def status() -> list[dict[str, Any]]:
    """Each source with whether it is installed, in order of preference, for the doctor."""
    return [
        {
            "name": "flite",
            "available": flite.program() is not None,
            "languages": ["en"],
            "mend": "apt install flite",
        },
        {
            "name": "espeak-ng",
            "available": espeak.program() is not None,
            "languages": sorted(espeak.LANGUAGES),
            "mend": "apt install espeak-ng",
        },
        {
            "name": "espeakng-loader",
            "available": espeak.loader_installed(),
            "languages": sorted(espeak.LANGUAGES),
            "mend": "pip install espeakng-loader",
        },
    ]


def _no_voice() -> Unavailable:
    return Unavailable(
        "no_content_voice",
        "No program that pronounces text is installed; install flite or espeak-ng"
        " (Debian: apt install flite espeak-ng), or the Python package espeakng-loader.",
    )


def _allowed(name: str, sources: Collection[str] | None) -> bool:
    return sources is None or name in sources
