"""What speaks, what listens, what marks: engines, gates, model files."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from django.conf import settings

from synth.modelstore import store
from worker import engines, inspection
from worker.doctor.finding import Finding, Level


def engine() -> Iterator[Finding]:
    for row in engines.status(
        settings.ASSENT_ENGINE, models_dir=settings.ASSENT_MODELS_DIR, mode=settings.ASSENT_ENGINE_MODE
    ):
        if row.active and not row.available:
            yield Finding(
                "problem", "engine", f"{row.name} is chosen and cannot run: {row.summary}", row.mend
            )
        elif row.active:
            yield Finding("ok", "engine", f"{row.name} speaks: {row.summary}", row.mend)
        else:
            yield Finding("note", "engine", f"{row.name} is not active: {row.summary}", row.mend)


def gates() -> Iterator[Finding]:
    if inspection.speaker_weights():
        yield Finding("ok", "gates", "the speaker model's weights are here and whole")
    else:
        text = "no speaker model: every consent recording waits for a reviewer"
        yield Finding("warning", "gates", text, "manage.py models fetch speaker")
    for module, use in (("silero_vad", "finding speech"), ("pocketsphinx", "hearing the challenge words")):
        if importlib.util.find_spec(module) is None:
            yield Finding("warning", "gates", f"{module} is missing: no {use} in this process", "make setup")


def models() -> Iterator[Finding]:
    """Every model file, with its licence and whose work it is."""
    for state in store.states(settings.ASSENT_MODELS_DIR):
        model = state.model
        about = f"{model.title}: {model.used_for}; {model.licence}; {model.notice}"
        if state.state in ("complete", "partial"):
            lacking = (
                f"; {len(state.missing)} of its {len(model.files)} files are missing" if state.missing else ""
            )
            remedy = f"manage.py models fetch {model.name}" if state.missing else ""
            yield Finding("ok", model.name, about + lacking, remedy)
        else:
            level: Level = "warning" if model.default else "note"
            text = f"{state.state}: {model.without}"
            yield Finding(level, model.name, text, f"manage.py models fetch {model.name}")


def marks() -> Iterator[Finding]:
    yield Finding("ok", "mark", "the keyed mark is on; it has no switch")
    if importlib.util.find_spec("torch") is None:
        return
    public = inspection.public_mark_checkpoint()
    if public:
        yield Finding("ok", "mark", f"AudioSeal's layer is on: {public}")
    else:
        text = "AudioSeal's layer is off: no checkpoint"
        yield Finding("warning", "mark", text, "set ASSENT_AUDIOSEAL_CHECKPOINT")
