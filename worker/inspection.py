"""What is active on this installation, told without loading a model: for `make up` and `manage.py doctor`."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

from accounts.gates import speaker
from audit import continuity, guards
from audit import keys as log_keys
from synth.errors import AssentError
from synth.gptsovits import manifest
from synth.modelstore import store
from synth.modelstore.manifest import DEFAULT
from worker import engines


def active() -> list[str]:
    """One short line for each part that an operator asks about first."""
    return [engine_line(), mark_line(), log_line(), consent_line(), *models_lines()]


def engine_line() -> str:
    natural = store.is_there(settings.ASSENT_MODELS_DIR, "kokoro")
    if settings.ASSENT_ENGINE in ("auto", "preview") and not natural and not _has_engine_weights():
        # The common case, told without asking the engines: importing them takes seconds.
        programs = [name for name in ("flite", "espeak-ng") if shutil.which(name)]
        content = " and ".join(programs) or "the bundled eSpeak NG library"
        return f"Engine    preview, pronounced by {content}; no GPT-SoVITS weights are installed"
    rows = engines.status(
        settings.ASSENT_ENGINE, models_dir=settings.ASSENT_MODELS_DIR, mode=settings.ASSENT_ENGINE_MODE
    )
    chosen = next((row for row in rows if row.active), None)
    if chosen is None:
        return "Engine    none"
    return f"Engine    {chosen.name}: {chosen.summary}" + (f" {chosen.mend}" if not chosen.available else "")


def _has_engine_weights() -> bool:
    """Whether anything of GPT-SoVITS lies in the folder of models."""
    return (Path(settings.ASSENT_MODELS_DIR) / manifest.FOLDER).is_dir()


def mark_line() -> str:
    public = public_mark_checkpoint()
    return "Mark      keyed mark" + (
        f", AudioSeal ({public})" if public else "; AudioSeal's layer is off: no checkpoint"
    )


def public_mark_checkpoint() -> str | None:
    """Name of the AudioSeal checkpoint in use; None where there is none."""
    configured = settings.ASSENT_AUDIOSEAL_CHECKPOINT
    # The bundled folder, by its place: asking the layer itself would load torch just to name a file.
    folder = Path(configured) if configured else settings.BASE_DIR / "watermark" / "checkpoints"
    if not any(folder.glob("*.pth")) and not configured:
        return None
    return ("bundled checkpoint" if not configured else folder.name) if folder.exists() else None


def log_line() -> str:
    try:
        return f"Log       {log_keys.verifier().vkey}"
    except AssentError as error:
        return f"Log       {error.message}"


def log_warning() -> str | None:
    """What to say at the start where the log cannot be signed on, or has lost what protects it."""
    try:
        sentence = continuity.interruption()
    except AssentError:
        return None  # its line says what is missing
    if sentence is not None:
        return f"ATTENTION: nothing will be spoken, because the log cannot go on: {sentence}."
    unguarded = [*guards.missing(), *guards.left_behind()]
    if unguarded:
        return f"ATTENTION: the log is not protected as it must be: {'; '.join(unguarded)} (manage.py audit mend)."
    return None


def consent_line() -> str:
    if speaker_weights():
        return "Consent   recordings are compared with the speaker model"
    return "Consent   no speaker model: recordings wait for a reviewer"


def models_lines() -> list[str]:
    """What of the default set is missing, and the command that brings it; nothing where nothing is."""
    lacking = [name for name in DEFAULT if not store.is_there(settings.ASSENT_MODELS_DIR, name)]
    return (
        [f"Models    missing: {', '.join(lacking)}; `manage.py models fetch` brings them"] if lacking else []
    )


def speaker_weights() -> Path | None:
    """Where the speaker model's weights are; None when they are missing or damaged."""
    return speaker.find_weights(settings.ASSENT_MODELS_DIR)
