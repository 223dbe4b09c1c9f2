"""Who speaks: a 256-number embedding of the voice (GE2E, the weights of resemblyzer).

The network is three LSTM layers over 40 mel bands, one linear layer, ReLU, unit length. Front end and loader
are ours, so that neither librosa nor webrtcvad is needed; the numbers agree with the original to 1e-5.
Source: Wan et al. 2018, "Generalized End-to-End Loss for Speaker Verification".
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from synth.errors import AssentError
from synth.modelstore import store
from synth.modelstore.manifest import SPEAKER, SPEAKER_FILE

from . import limits
from .report import Gate

_SHA256 = SPEAKER.files[0].sha256
MODEL_VERSION = f"ge2e-resemblyzer {_SHA256[:12]}"
EMBEDDING_SIZE = 256

_WINDOW, _HOP, _BANDS = 400, 160, 40
_PARTIAL_FRAMES, _PARTIAL_STEP = 160, 77  # windows of 1.6 s, 1.3 of them per second
_TARGET_DBFS = -25.0  # the network hears level; at this one the voices of docs/gates.md lie furthest apart

_load_lock = threading.Lock()


@dataclass(frozen=True)
class SpeakerEmbedding:
    """Embeddings of one recording: of each 1.6 s window, (n, 256), and of the whole, (256,), float32."""

    windows: np.ndarray
    whole: np.ndarray


def find_weights(models_dir: Path | str) -> Path | None:
    """The network's weights in the models folder, their hash checked; None where they are missing."""
    return store.find(models_dir, SPEAKER_FILE)


def embed(speech: np.ndarray, weights_path: Path) -> SpeakerEmbedding:
    """Embed mono float32 ``speech`` at 16 kHz (silences already cut, at least 1.6 s)."""
    import torch

    rms_dbfs = 20 * np.log10(max(float(np.sqrt(np.mean(np.square(speech, dtype=np.float64)))), 1e-9))
    mel = log_free_mel(speech * np.float32(10 ** ((_TARGET_DBFS - rms_dbfs) / 20)))
    starts = list(range(0, max(1, len(mel) - _PARTIAL_FRAMES + _PARTIAL_STEP + 1), _PARTIAL_STEP))
    if len(starts) > 1 and (len(mel) - starts[-1]) / _PARTIAL_FRAMES < 0.75:
        starts.pop()
    mel = np.pad(mel, ((0, max(0, starts[-1] + _PARTIAL_FRAMES - len(mel))), (0, 0)))
    batch = torch.from_numpy(np.stack([mel[s : s + _PARTIAL_FRAMES] for s in starts]))
    with torch.inference_mode():
        windows = _network(weights_path)(batch).numpy()
    return SpeakerEmbedding(windows, _unit(windows.mean(axis=0)))


def log_free_mel(samples: np.ndarray) -> np.ndarray:
    """Power mel spectrogram (frames, 40), float32, not logarithmic: what the network was trained on."""
    padded = np.pad(samples, _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    return np.asarray(power @ _mel_filters().T, dtype=np.float32)


@lru_cache(maxsize=1)
def _mel_filters() -> np.ndarray:
    """Slaney's mel filters, area-normalised, 0 to 8 kHz: (40, 201)."""

    def to_hz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    top_mel = 15 + np.log(8000 / 1000) * 27 / np.log(6.4)
    corners = to_hz(np.linspace(0, top_mel, _BANDS + 2))
    bins = np.linspace(0, limits.RATE_HZ / 2, _WINDOW // 2 + 1)
    rising = (bins - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - bins) / np.diff(corners)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * (2 / (corners[2:] - corners[:-2]))[:, None])


def _network(weights_path: Path) -> Any:
    with _load_lock:
        return _load(weights_path)


@lru_cache(maxsize=2)
def _load(weights_path: Path) -> Any:
    import torch

    found = store.sha256_of(weights_path)
    if found != _SHA256:
        raise AssentError(
            "models_hash", f"{weights_path.name} is not the speaker model.", measured=found, limit=_SHA256
        )

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(_BANDS, EMBEDDING_SIZE, 3, batch_first=True)
            self.linear = torch.nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)

        def forward(self, mels: torch.Tensor) -> torch.Tensor:
            hidden = self.lstm(mels)[1][0][-1]
            return torch.nn.functional.normalize(torch.relu(self.linear(hidden)), dim=1)

    state = torch.load(weights_path, map_location="cpu", weights_only=True)["model_state"]
    network = Network()
    network.load_state_dict({k: v for k, v in state.items() if k.startswith(("lstm.", "linear."))})
    return network.eval()


def _unit(vector: np.ndarray) -> np.ndarray:
    unit: np.ndarray = (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)
    return unit


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two embeddings."""
    return float(_unit(np.asarray(a, np.float32)) @ _unit(np.asarray(b, np.float32)))


def missing_gate(name: str) -> Gate:
    """Without the weights nothing about the speaker can be said: a reviewer listens, never a silent pass."""
    return Gate(
        name,
        "review",
        code="speaker_model_missing",
        message="The speaker model is not installed; a reviewer listens.",
    )


def least_alike(windows: np.ndarray) -> float:
    """2nd percentile of the cosines of all pairs of ``windows`` (n, 256); 1.0 for a single one.

    Not the minimum: a long recording has hundreds of pairs, and the minimum sinks with their number.
    """
    pairs = (windows @ windows.T)[np.triu_indices(len(windows), 1)]
    return float(np.percentile(pairs, limits.SINGLE_SPEAKER_PERCENTILE)) if len(pairs) else 1.0


def single_speaker_gate(voice: SpeakerEmbedding) -> Gate:
    """No two parts of the recording sound like two people."""
    lowest = round(least_alike(voice.windows), 3)
    limit = limits.SINGLE_SPEAKER_PASS_COSINE
    if lowest < limits.SINGLE_SPEAKER_FAIL_COSINE:
        message = "More than one voice is heard. Record alone."
        return Gate("single_speaker", "fail", lowest, limit, "cosine", "several_speakers", message)
    if lowest < limit:
        message = "There may be more than one voice; a reviewer listens."
        return Gate(
            "single_speaker", "review", lowest, limit, "cosine", "several_speakers_suspected", message
        )
    return Gate("single_speaker", "pass", lowest, limit, "cosine")


def speaker_gate(voice: SpeakerEmbedding, references: list[np.ndarray]) -> Gate:
    """Like every earlier recording of this voice. Skipped for the first one: there is nothing to compare."""
    limit = limits.SPEAKER_PASS_COSINE
    if not references:
        return Gate(
            "speaker", "skipped", None, limit, "cosine", "no_reference", "The first recording of this voice."
        )
    lowest = round(min(cosine(voice.whole, reference) for reference in references), 3)
    if lowest < limits.SPEAKER_FAIL_COSINE:
        message = f"This is another voice: similarity {lowest}, {limit} is needed."
        return Gate("speaker", "fail", lowest, limit, "cosine", "speaker_mismatch", message)
    if lowest < limit:
        message = f"The voice is not clearly the same: similarity {lowest}, {limit} is needed."
        return Gate("speaker", "review", lowest, limit, "cosine", "speaker_uncertain", message)
    return Gate("speaker", "pass", lowest, limit, "cosine")


def protected_gate(voice: SpeakerEmbedding, protected: list[tuple[str, np.ndarray]]) -> Gate:
    """Not like a voice that belongs to somebody else here, or that is blocked: else a reviewer decides.

    The neighbour's id is not in the message: the speaker must not learn who else is registered.
    """
    limit = limits.PROTECTED_COSINE
    if not protected:
        return Gate("protected_voice", "pass", None, limit, "cosine")
    highest = round(max(cosine(voice.whole, other) for _, other in protected), 3)
    if highest >= limit:
        message = "This voice is close to another registered or protected voice."
        return Gate("protected_voice", "review", highest, limit, "cosine", "protected_voice", message)
    return Gate("protected_voice", "pass", highest, limit, "cosine")
