"""What stays loaded in a worker process: the engine, the mark's keys, the public mark. Torch comes in here.

Each is made once, when first needed, under a lock: several threads share one process.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import update_wrapper
from pathlib import Path
from typing import Generic, TypeVar

from django.conf import settings

from synth.engines.base import Engine, SpeaksWithOwnWeights
from synth.errors import AssentError
from synth.modelstore import store
from synth.modelstore.held import Held
from synth.provenance.certificates import Authority
from synth.recognition.recogniser import MODEL_FOLDER, Recogniser
from watermark import credentials
from watermark.codec import MarkKeys
from watermark.codec.audioseal_layer import PublicMark
from worker import engines

logger = logging.getLogger(__name__)
T = TypeVar("T")


class _Once(Generic[T]):
    """The result of a function, made at the first call and kept."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []
        update_wrapper(self, make)

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    @property
    def if_made(self) -> T | None:
        """What was made, without making it."""
        return self._made[0] if self._made else None


@_Once
def engine() -> Engine:
    """The engine of this process, by ASSENT_ENGINE, ASSENT_ENGINE_MODE and ASSENT_DEVICE."""
    chosen = engines.choose(
        settings.ASSENT_ENGINE,
        models_dir=settings.ASSENT_MODELS_DIR,
        mode=settings.ASSENT_ENGINE_MODE,
        device=settings.ASSENT_DEVICE,
    )
    logger.info("engine %s %s%s", chosen.name, chosen.version, " (preview)" if chosen.is_preview else "")
    return chosen


def forget_weights(voice_id: str) -> None:
    """Let the engine go of a voice's own weights, where this process has an engine."""
    loaded = engine.if_made
    if loaded is not None and isinstance(loaded, SpeaksWithOwnWeights):
        loaded.forget(voice_id)


_recogniser = Held(lambda: Recogniser(store.path_of(settings.ASSENT_MODELS_DIR, MODEL_FOLDER)))


def recogniser() -> AbstractContextManager[Recogniser] | None:
    """What hears words, for the time of a `with` block; None where its model is not there. It leaves memory when
    nobody has asked for a while."""
    return _recogniser.use() if store.is_there(settings.ASSENT_MODELS_DIR, MODEL_FOLDER) else None


@_Once
def mark_keys() -> MarkKeys:
    """Keys of the mark; the master secret never enters the database."""
    path = settings.ASSENT_KEYS_DIR / "mark-master.key"
    return MarkKeys(bytes.fromhex(path.read_text().strip()))


@_Once
def authority() -> Authority:
    """Who signs Content Credentials."""
    return credentials.authority()


@_Once
def public_mark() -> PublicMark | None:
    """AudioSeal's layer: the configured checkpoint, else the bundled one; None where neither is there."""
    from watermark.codec import audioseal_checkpoint

    configured = settings.ASSENT_AUDIOSEAL_CHECKPOINT
    try:
        if configured:
            return PublicMark.load(Path(configured))
        return PublicMark.load(*audioseal_checkpoint.default_checkpoint())
    except AssentError as error:
        if configured or error.code != "checkpoint_missing":
            raise
        logger.warning("no AudioSeal checkpoint: the public mark is off")
        return None


def limit_threads(processes: int) -> None:
    """Give this process its share of the cores; more threads than cores only wait for each other."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
