"""Training the network that looks at borders again (`watermark/codec/borders.py`), on finished networks.

Every clip of the material is marked whole, as the product marks it. A step cuts pieces in which the mark begins, ends
or does both, somewhere, and asks which frame it is, among those around a guess that is off by up to 220 ms, as
detection's is. Most pieces are clean or nearly so: a border that an edit has blurred teaches little about the others.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from watermark.codec.audioseal_checkpoint import BORDERS_FILE
from watermark.codec.audioseal_layer import PublicMark
from watermark.codec.borders import FRAME, REACH_FRAMES
from watermark.codec.parameters import SAMPLE_RATE_HZ

from . import checkpoints
from .attacks import edited
from .config import Config
from .material import load

FOLDER = "borders"  # of the run folder: the state of this training
_GUESS_FRAMES = 11.0
_EDITED, _NOISY, _NOISE_DB = 0.25, 0.3, (22.0, 50.0)
_LEVELS_DB = 8.0
_ONE_BORDER = 0.6  # of the pieces
_ALIGNED = 0.9  # of the pieces
_LEAST_DEVIATION = 0.004
_MARK_SPREAD = 0.15  # as an exponent: embedding levels whole clips, detection what lies around a border
_DECAY = 0.995


@dataclass(frozen=True)
class _Pieces:
    """samples (b, 1, n); loudness (b,) of the mark; begins, ends (b,): frames, or nan for none."""

    samples: torch.Tensor
    loudness: np.ndarray
    begins: torch.Tensor
    ends: torch.Tensor


class BorderTrainer:
    """A run that can be stopped after any step and resumed from its last checkpoint."""

    def __init__(self, config: Config, *, report: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Raises AssentError `checkpoint_missing` before there are networks in `run_folder/stock`."""
        self.config, self._shape = config, config.borders
        self._run_folder = Path(config.run_folder)
        self._report = report or (lambda facts: None)
        self.device = torch.device(config.device)
        torch.set_num_threads(config.threads)
        self._samples = int(self._shape.segment_s * SAMPLE_RATE_HZ) // FRAME * FRAME
        self._public = PublicMark.load(self._run_folder / "stock")
        self._speech, clips = load(Path(config.material_folder))
        self._clips = [clip for clip in clips if clip.length >= self._samples]
        self._marks: dict[int, np.ndarray] = {}
        torch.manual_seed(config.seed)
        self.network = self._public.new_borders().to(self.device)
        self._average = copy.deepcopy(self.network)
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=self._shape.learning_rate, betas=(0.8, 0.98), weight_decay=1e-2
        )
        self.step, self.steps = 0, self._shape.steps
        self._resume()

    def run(self, *, steps: int | None = None, minutes: float | None = None) -> bool:
        """Train on; stop after `steps` more or after `minutes`. True when finished; then and at every checkpoint the
        network lies beside the others, in `run_folder/stock`.
        """
        last = self.steps if steps is None else min(self.steps, self.step + steps)
        end = time.monotonic() + 60 * (minutes if minutes is not None else float("inf"))
        losses = []
        while self.step < last and time.monotonic() < end:
            losses.append(self.train_step())
            if self.step % self.config.report_every == 0:
                self._report({"step": self.step, "of": self.steps, "loss": round(np.mean(losses), 3)})
                losses.clear()
            if self.step % self.config.checkpoint_every == 0:
                self.save()
        self.save()
        return self.step >= self.steps

    def train_step(self) -> float:
        """One step; its loss."""
        generator = np.random.default_rng([self.config.seed, self.step, 2])
        torch.manual_seed(int(generator.integers(2**31)))
        pieces = self._pieces(generator)
        heard = pieces.samples.to(self.device)
        loss = self._loss(self.network(heard, self._marks_of(pieces).to(self.device)), pieces, generator)
        rate = self._shape.learning_rate * min(1.0, (self.step + 1) / 100)
        rate *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimiser.step()
        decay = min(_DECAY, 1 - 1 / (10 + self.step))
        with torch.no_grad():
            for kept, fresh in zip(self._average.parameters(), self.network.parameters(), strict=True):
                kept.lerp_(fresh, 1 - decay)
        self.step += 1
        return float(loss.detach())

    # -------------------------------------------------------------- pieces
    def _pieces(self, generator: np.random.Generator) -> _Pieces:
        samples: list[np.ndarray] = []
        loudness, begins, ends = [], [], []
        while len(samples) < self._shape.batch:
            number = int(generator.integers(len(self._clips)))
            start = self._start(self._clips[number].length, generator)
            host = self._host(number)[start : start + self._samples]
            if host.std() < _LEAST_DEVIATION:
                continue
            mark = self._mark(number)[start : start + self._samples].astype(np.float32)
            mark *= np.float32(math.exp(0.1 * generator.standard_normal()))
            first, last = self._stretch(generator)
            inside = np.zeros(self._samples, np.float32)
            inside[first:last] = 1
            begin, end = first / FRAME, last / FRAME if last < self._samples else math.nan
            if math.isnan(end) and generator.random() < 0.5:  # the other way round: it ends there
                inside, begin, end = 1 - inside, math.nan, begin
            piece = host + inside * mark
            if generator.random() < _NOISY:
                noise = host.std() * 10 ** (-generator.uniform(*_NOISE_DB) / 20)
                piece = piece + noise * generator.standard_normal(self._samples).astype(np.float32)
            factor = 10 ** (generator.uniform(-_LEVELS_DB, _LEVELS_DB) / 20)
            factor = min(factor, 1 / float(np.abs(piece).max()))
            samples.append((factor * piece).astype(np.float32))
            loudness.append(factor * float(np.sqrt(np.mean(np.square(mark)))))
            begins.append(begin)
            ends.append(end)
        made = torch.from_numpy(np.stack(samples))[:, None]
        for index in range(0, len(made), 2):
            if generator.random() < _EDITED:
                made[index : index + 2] = edited(made[index : index + 2], generator)
        return _Pieces(made, np.array(loudness), torch.tensor(begins), torch.tensor(ends))

    def _start(self, length: int, generator: np.random.Generator) -> int:
        """Where a piece is cut from a clip: mostly on the clip's own frames, as a look that is aligned sees it."""
        last = length - self._samples
        if generator.random() < _ALIGNED:
            return FRAME * int(generator.integers(last // FRAME + 1))
        return int(generator.integers(last + 1))

    def _stretch(self, generator: np.random.Generator) -> tuple[int, int]:
        """Where the mark lies in a piece: to its end, or both borders well inside."""
        if generator.random() < _ONE_BORDER:
            return int(generator.uniform(0.25, 0.75) * self._samples), self._samples
        first = int(generator.uniform(0.16, 0.4) * self._samples)
        return first, first + int(generator.uniform(0.25, 0.43) * self._samples)

    def _host(self, number: int) -> np.ndarray:
        clip = self._clips[number]
        return self._speech[clip.start : clip.start + clip.length].astype(np.float32) / 32_768

    def _mark(self, number: int) -> np.ndarray:
        """The mark of a whole clip, made when it is first asked for: float16, 2 MB a minute."""
        if number not in self._marks:
            self._marks[number] = self._public.mark_of(self._host(number)).astype(np.float16)
        return self._marks[number]

    def _marks_of(self, pieces: _Pieces) -> torch.Tensor:
        """What the generator would add to the pieces as they are now, about as loud as embedding makes it."""
        marks = []
        for piece, loudness in zip(pieces.samples.numpy()[:, 0], pieces.loudness, strict=True):
            made = self._public.residual(piece)
            marks.append(made * np.float32(loudness / (np.sqrt(np.mean(np.square(made))) + 1e-9)))
        spread = torch.exp(_MARK_SPREAD * torch.randn(len(marks), 1, 1))
        return torch.from_numpy(np.stack(marks))[:, None] * spread

    # -------------------------------------------------------------- loss
    def _loss(self, logits: torch.Tensor, pieces: _Pieces, generator: np.random.Generator) -> torch.Tensor:
        """Cross entropy of the borders' places, and of what is marked, which holds the evidence together."""
        frames = torch.arange(logits.shape[-1], device=logits.device)[None]
        missed, count = logits.new_zeros(()), 0
        for kind, places in enumerate((pieces.begins, pieces.ends)):
            there = ~places.isnan()
            if not there.any():
                continue
            place = places[there].to(logits)[:, None]
            off = torch.from_numpy(generator.uniform(-_GUESS_FRAMES, _GUESS_FRAMES, len(place))).to(place)
            guess = place + off[:, None]
            near = (frames >= guess - REACH_FRAMES) & (frames < guess + REACH_FRAMES)
            chosen = logits[there.to(logits.device), kind].masked_fill(~near, -1e4).log_softmax(-1)
            target = (1 - (frames - place).abs()).clamp_min(0) * near
            target = target / target.sum(1, keepdim=True).clamp_min(1e-6)
            missed, count = missed - (target * chosen).sum(), count + len(place)
        begins = pieces.begins.nan_to_num(0).to(logits)[:, None]
        ends = pieces.ends.nan_to_num(logits.shape[-1]).to(logits)[:, None]
        share = (frames + 1 - begins).clamp(0, 1) - (frames + 1 - ends).clamp(0, 1)
        return missed / count + functional.binary_cross_entropy_with_logits(logits[:, 2], share)

    # -------------------------------------------------------------- state
    def save(self) -> None:
        """Write the checkpoint, and the averaged network where the product finds it."""
        tensors, counts = checkpoints.gathered(self._modules(), self._optimiser)
        facts = {"step": self.step, "seed": self.config.seed, "counts": counts}
        checkpoints.save(self._run_folder / FOLDER, tensors, facts)
        weights = {name: value.detach().cpu().clone() for name, value in self._average.state_dict().items()}
        torch.save({"model": weights}, self._run_folder / "stock" / BORDERS_FILE)

    def _resume(self) -> None:
        stored = checkpoints.load(self._run_folder / FOLDER)
        if stored is None:
            return
        tensors, facts = stored
        if facts["seed"] != self.config.seed:
            raise ValueError("the checkpoint belongs to a run with another seed")
        checkpoints.restore(tensors, facts["counts"], self._modules(), self._optimiser)
        self.step = facts["step"]

    def _modules(self) -> dict[str, nn.Module]:
        return {"b": self.network, "ab": self._average}
