"""Kokoro-82M by onnxruntime: symbols and a style in, sound out. One thread, about 400 MB while loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.errors import AssentError
from synth.modelstore import store
from synth.modelstore.held import Held

MODEL = "kokoro"
RATE_HZ = 24_000
#: Symbols at one go; the styles have one row for each length.
MAX_SYMBOLS = 510
STYLE_SIZE = 256

Styles = npt.NDArray[np.float32]  # (MAX_SYMBOLS, STYLE_SIZE)


class Network:
    """The network and its voices in ``models_dir``; loaded when first used, gone when unused for a while."""

    def __init__(self, models_dir: Path | str) -> None:
        self._folder = Path(models_dir) / MODEL
        vocabulary = json.loads((self._folder / "vocab.json").read_text(encoding="utf-8"))
        self._ids: dict[str, int] = vocabulary["vocab"]
        self._session: Held[Any] = Held(self._load)

    def knows(self, symbol: str) -> bool:
        return symbol in self._ids

    def voices(self) -> list[str]:
        """Names of the voices that are there, sorted."""
        return sorted(path.stem for path in (self._folder / "voices").glob("*.bin"))

    def styles(self, name: str) -> Styles:
        """(MAX_SYMBOLS, STYLE_SIZE) of one voice: a row for each number of symbols."""
        raw = np.fromfile(self._folder / "voices" / f"{name}.bin", dtype="<f4")
        return np.asarray(raw.reshape(MAX_SYMBOLS, STYLE_SIZE), dtype=np.float32)

    def say(self, symbols: str, styles: Styles, speed: float) -> npt.NDArray[np.float32]:
        """Mono float32 at RATE_HZ. AssentError ``nothing_to_speak`` where no symbol is known; what is beyond
        MAX_SYMBOLS is not said (callers cut sentences)."""
        ids = [self._ids[symbol] for symbol in symbols if symbol in self._ids][:MAX_SYMBOLS]
        if not ids:
            raise AssentError("nothing_to_speak", "The text holds nothing that can be spoken.")
        inputs = {
            "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
            "style": styles[len(ids) - 1 : len(ids)],
            "speed": np.array([speed], dtype=np.float32),
        }
        with self._session.use() as session:
            return np.asarray(session.run(None, inputs)[0], dtype=np.float32).reshape(-1)

    def _load(self) -> Any:
        import onnxruntime

        if store.find(self._folder.parent, f"{MODEL}/model.int8.onnx") is None:
            raise AssentError("models_hash", "Kokoro's network is missing or is another file.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(
            str(self._folder / "model.int8.onnx"), options, providers=["CPUExecutionProvider"]
        )
