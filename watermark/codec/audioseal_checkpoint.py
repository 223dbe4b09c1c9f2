"""AudioSeal's networks as they lie on a disk: which files, which bytes, and what is built of them.

The classes are those of the `audioseal` package; checkpoints are read by ourselves, because the package
unpickles whole objects and mangles the names of layers that its own classes saved.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Before the import: the package otherwise compiles its networks at the first call, which takes minutes.
os.environ["NO_TORCH_COMPILE"] = "1"

import torch
from audioseal.builder import (
    AudioSealDetectorConfig,
    AudioSealWMConfig,
    create_detector,
    create_generator,
)
from audioseal.loader import AudioSeal, convert_state_dict_for_scriptable_model, load_state_dict

from synth.errors import AssentError

AUDIBLE_KEY = "audible"  # beside the weights of a generator that wants its clips equalised
GENERATOR_FILE, DETECTOR_FILE = "generator.pth", "detector.pth"
BORDERS_FILE = "borders.pth"  # may be missing, as it is beside the official networks
MESSAGE_BITS = 16
DEFAULT_SHA256 = {
    GENERATOR_FILE: "a2543e20dce4a6037aaada4aa334ad2b604e25ff426ed7ce8b38d71b318c563c",
    DETECTOR_FILE: "6a61278c9183a54f523b8bfe957a7fc176419682131372cafa0eed18483100a0",
    BORDERS_FILE: "318902f7dbb580ca2cadba0c47212e5ac0144084af4fcdb5f2570db312f1a077",
}
# Where the package keeps the official files, below its cache folder: the first 24 hex digits of the SHA-1
# of the path.
OFFICIAL_CACHE_NAMES = {
    GENERATOR_FILE: "0f195d476dd87ca1bd7b09e6",
    DETECTOR_FILE: "94c8df0b1d5ea8e45af4c884",
}


def default_checkpoint() -> tuple[Path, dict[str, str]]:
    """Folder and SHA-256 digests of the checkpoint that comes with the project: `PublicMark.load(*...)`."""
    return Path(__file__).resolve().parent.parent / "checkpoints", dict(DEFAULT_SHA256)


def generator(folder: Path, sha256: Mapping[str, str]) -> tuple[Any, float | None]:
    """The network that marks, and the audible level that its checkpoint wants clips brought to.

    ``sha256``: expected digests by file name. Raises AssentError ``checkpoint_missing`` or ``checkpoint_altered``.
    """
    stored = _read(_find(folder, GENERATOR_FILE), sha256.get(GENERATOR_FILE))
    weights, config = _weights(stored, AudioSealWMConfig)
    network = create_generator(config)
    load_state_dict(network, weights)
    return network, stored.get(AUDIBLE_KEY)


def detector(folder: Path, sha256: Mapping[str, str]) -> Any:
    """The network that finds the mark; errors as of `generator`."""
    weights, config = _weights(
        _read(_find(folder, DETECTOR_FILE), sha256.get(DETECTOR_FILE)), AudioSealDetectorConfig
    )
    network = create_detector(config)
    load_state_dict(network, weights)
    return network


def borders(folder: Path, sha256: Mapping[str, str]) -> Mapping[str, torch.Tensor] | None:
    """Weights of the network for borders, where there are any; errors as of `generator`."""
    if BORDERS_FILE not in sha256 and not (folder / BORDERS_FILE).is_file():
        return None
    weights: Mapping[str, torch.Tensor] = _read(_find(folder, BORDERS_FILE), sha256.get(BORDERS_FILE))[
        "model"
    ]
    return weights


def _find(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / OFFICIAL_CACHE_NAMES.get(name, name)):
        if candidate.is_file():
            return candidate
    raise AssentError("checkpoint_missing", f"The public mark needs {name} in the folder {folder}.")


def _read(path: Path, sha256: str | None) -> dict[str, Any]:
    if sha256 is not None:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != sha256:
            raise AssentError(
                "checkpoint_altered",
                f"{path.name} is not the file that was pinned.",
                measured=digest,
                limit=sha256,
            )
    stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return stored


def _weights(stored: Mapping[str, Any], config_type: Any) -> tuple[dict[str, torch.Tensor], Any]:
    """Weights in the naming of the package's classes, and their configuration."""
    config = AudioSeal.parse_config(dict(stored["xp.cfg"]), config_type=config_type, nbits=MESSAGE_BITS)
    weights = stored["best_state"]["model"] if "best_state" in stored else stored["model"]
    # The converter takes dots for any character, so names that already are in the new form would be broken.
    return convert_state_dict_for_scriptable_model(
        {k.replace("inner_conv.", ""): v for k, v in weights.items()}
    ), config
