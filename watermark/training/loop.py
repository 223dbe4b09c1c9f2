"""The training loop: mark, edit, detect, keep the mark as quiet as detection allows.

The only losses are those of detection. How loud the mark may be is a level that falls while enough frames
are right and rises a little when they are not; the generator is free to put the mark where that level
costs least.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from watermark.codec.audibility import Level
from watermark.codec.borders import FRAME
from watermark.codec.parameters import SAMPLE_RATE_HZ

from . import checkpoints, networks, tones
from .attacks import edited, speed
from .config import Config, Phase
from .data import Batch, Batches
from .losses import message_loss, presence_loss

_SPEED_SHARE = 0.35  # of the groups
_GROUP = 2  # clips that share an edit, each marked and unmarked
_SWAP_FROM_STEP = 200  # from here on the unmarked part may be another clip
_DITHER_DB = (35.0, 65.0)  # below the clip, on both classes, in two thirds of the clips
_DITHERED = 0.67
_BLANKED = 0.3  # of the clips have digital silence made silent again: gates and codecs do that
_SILENT_RUN = 65  # samples: exact zeros for longer are digital silence
_LEAST_SI_SNR_DB = 29.0
_MESSAGE_SIZE = 0.15  # deviation of a message row when it opens
_EXPORT_BATCHES = 12


class Trainer:
    """A run that can be stopped after any step and resumed from its last checkpoint."""

    def __init__(self, config: Config, *, report: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Build or resume. Raises FileNotFoundError without material, ValueError for another run's state."""
        self.config = config
        self.folder = Path(config.run_folder)
        self.device = torch.device(config.device)
        self._report = report or (lambda facts: None)
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        samples = int(config.segment_s * SAMPLE_RATE_HZ) // FRAME * FRAME
        self._samples = samples
        self._batches = Batches(
            Path(config.material_folder),
            batch=config.batch,
            samples=samples + FRAME,
            seed=config.seed,
            frame=FRAME,
        )
        self._measure = Level(self.device)
        self.generator = networks.build_generator(config.generator)
        self.detector = networks.build_detector(config.detector)
        if config.warm_start:
            self._warm_start(Path(config.warm_start))
        self.generator.to(self.device)
        self.detector.to(self.device)
        self._averages = copy.deepcopy(self.generator), copy.deepcopy(self.detector)
        self.step, self.steps = 0, config.steps
        self.level = config.phases[0].level_start
        self.accuracy = 0.5
        self._phase = -1
        self._optimiser = self._new_optimiser()
        self._recent: list[dict[str, float]] = []
        self._resume()

    # -------------------------------------------------------------- running
    def run(self, *, steps: int | None = None, minutes: float | None = None) -> bool:
        """Train on; stop after `steps` more or after `minutes`. True when the whole run is finished.

        A checkpoint is written whenever it is due and at the end, and with it the stock-form networks.
        """
        last = self.config.steps if steps is None else min(self.config.steps, self.step + steps)
        end = time.monotonic() + 60 * (minutes if minutes is not None else float("inf"))
        begun, at_start = time.monotonic(), self.step
        self.folder.mkdir(parents=True, exist_ok=True)
        while self.step < last and time.monotonic() < end:
            self._recent.append(self.train_step())
            if self.step % self.config.report_every == 0:
                pace = (self.step - at_start) / (time.monotonic() - begun)
                self._log(pace)
            if self.step % self.config.checkpoint_every == 0:
                self.save()
        self.save()
        return self.step >= self.config.steps

    def train_step(self) -> dict[str, float]:
        """One step; its figures."""
        index, within = self.config.phase_at(self.step)
        phase = self.config.phases[index]
        if index != self._phase:
            self._enter(index, phase)
        generator = np.random.default_rng([self.config.seed, self.step, 1])
        torch.manual_seed(int(generator.integers(2**31)))
        self._set_rates(phase, within)
        batch = self._batches.at(self.step)
        if phase.loudness == "taught":
            figures = self._teach(batch, phase)
        else:
            figures = self._learn(batch, phase, within, generator)
            self._average()
            self._follow(phase, figures["accuracy"])
        self.step += 1
        return figures

    def _teach(self, batch: Batch, phase: Phase) -> dict[str, float]:
        """The generator learns to say what the averaged one says at several places; the detector waits."""
        hosts = batch.hosts.to(self.device)
        message = self._draw_message(phase, len(hosts))
        with torch.no_grad():
            wanted = tones.spread(self._averages[0].get_watermark(hosts, message=message))
        loss = tones.missed(self.generator.get_watermark(hosts, message=message), wanted)
        return {"loss": float(loss.detach()), "norm": self._descend(loss)}

    def _learn(
        self, batch: Batch, phase: Phase, within: int, generator: np.random.Generator
    ) -> dict[str, float]:
        hosts, marked = batch.hosts.to(self.device), batch.marked.to(self.device)
        message = self._draw_message(phase, len(hosts))
        both_learn = phase.generator_every > 0 and within % phase.generator_every == 0
        with torch.set_grad_enabled(both_learn):
            blanked = torch.rand(len(hosts), device=self.device) < _BLANKED
            mark, gain = self._mark(self.generator, hosts, message, phase, blanked)
        whole = hosts + marked * mark
        if self.step >= _SWAP_FROM_STEP:
            swapped = batch.swapped.to(self.device)[:, None, None] & (marked == 0)
            whole = torch.where(swapped, hosts.roll(1, 0), whole)
        cut = slice(batch.shift, batch.shift + self._samples)
        whole, clean, labels = whole[..., cut], hosts[..., cut], marked[..., cut]
        below_db = _DITHER_DB[0] + (_DITHER_DB[1] - _DITHER_DB[0]) * torch.rand(
            len(hosts), 1, 1, device=self.device
        )
        dither = torch.randn_like(clean) * clean.std(-1, keepdim=True) * 10 ** (-below_db / 20)
        dither = dither * (torch.rand_like(below_db) < _DITHERED)
        probability = phase.edits * min(1.0, (within + 1) / 200)
        both, labels = self._edit(whole + dither, clean + dither, labels, probability, generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            logits = networks.frame_logits(self.detector, both)
        labels = _frame_labels(labels)[..., : logits.shape[-1]]
        odds = logits[:, 1] - logits[:, 0]
        loss = presence_loss(odds, labels)
        snr_db = -10 * torch.log10(mark.square().sum((1, 2)) / (hosts.square().sum((1, 2)) + 1e-6) + 1e-12)
        if phase.loudness == "audible":
            loss = loss + 0.05 * torch.relu(_LEAST_SI_SNR_DB - snr_db).mean()
        bit_accuracy = torch.full((), 0.5)
        if phase.bits:
            half = len(hosts)
            bit_loss, bit_accuracy = message_loss(logits[:half, 2:], labels[:half], message)
            loss = loss + phase.bits * bit_loss
        norm = self._descend(loss)
        with torch.no_grad():
            found, inside, outside = odds > 0, labels > 0.98, (labels >= 0) & (labels < 0.02)
            right = torch.cat([found[inside], ~found[outside]]).float().mean()
            return {
                "loss": float(loss),
                "accuracy": float(right),
                "found": float(found[inside].float().mean()),
                "false": float(found[outside].float().mean()),
                "bits": float(bit_accuracy),
                "snr_db": float(snr_db.mean()),
                "gain_db": 20 * math.log10(float(gain)),
                "norm": norm,
            }

    def _mark(
        self,
        generator: Any,
        hosts: torch.Tensor,
        message: torch.Tensor,
        phase: Phase,
        blanked: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The mark of a batch at the level of now, and the (middle) gain that brought it there."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            mark = generator.get_watermark(hosts, message=message).float()
        if blanked is not None:
            mark = torch.where(blanked[:, None, None], mark * _sounding(hosts), mark)
        if phase.loudness == "ratio":
            gain = self._measure.ratio_gain(mark, hosts, self.level)
        else:
            gain = self._measure.audible_gain(mark, hosts, self.level)
        return _without_rumble(mark) * gain, gain.detach().median()

    def _edit(
        self,
        whole: torch.Tensor,
        clean: torch.Tensor,
        labels: torch.Tensor,
        probability: float,
        generator: np.random.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Both classes after the same edits, group by group: an edit alone says nothing about the mark."""
        samples: list[list[torch.Tensor]] = [[], []]
        kept: list[list[torch.Tensor]] = [[], []]
        for start in range(0, len(whole), _GROUP):
            group = slice(start, start + _GROUP)
            x = torch.cat([whole[group], clean[group]])
            y = torch.cat([labels[group], torch.zeros_like(labels[group])])
            if probability and generator.random() < _SPEED_SHARE * min(1.0, 2 * probability):
                x, y = speed(x, y, generator)
            if generator.random() < probability:
                x = edited(x, generator)
            for half in (0, 1):
                samples[half].append(x[half * _GROUP : (half + 1) * _GROUP])
                kept[half].append(y[half * _GROUP : (half + 1) * _GROUP])
        return torch.cat([*samples[0], *samples[1]]), torch.cat([*kept[0], *kept[1]])

    def _descend(self, loss: torch.Tensor) -> float:
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.generator.parameters(), 1.0)
        nn.utils.clip_grad_norm_(self.detector.parameters(), 1.0)
        if math.isfinite(float(norm)):
            self._optimiser.step()
        return float(norm)

    def _draw_message(self, phase: Phase, count: int) -> torch.Tensor:
        bits = networks.MESSAGE_BITS
        drawn = torch.randint(0, 2, (count, bits), device=self.device)
        return drawn if phase.bits else torch.zeros_like(drawn)

    # -------------------------------------------------------------- what surrounds a step
    def _enter(self, index: int, phase: Phase) -> None:
        """Begin a phase from the averages, with a fresh optimiser and the phase's level.

        What was taught is not averaged: the average was the teacher.
        """
        table = self.generator.msg_processor.msg_processor.weight
        if phase.bits and not table.requires_grad:
            networks.open_message(self.generator, _MESSAGE_SIZE)
            self._averages[0].msg_processor.msg_processor.weight.data.copy_(table.data)
        table.requires_grad_(bool(phase.bits))
        if self._phase >= 0 and self.config.phases[self._phase].loudness == "taught":
            self._averages[0].load_state_dict(self.generator.state_dict())
        elif self._phase >= 0:
            for live, average in zip((self.generator, self.detector), self._averages, strict=True):
                live.load_state_dict(average.state_dict())
        self._optimiser = self._new_optimiser()
        self.level = phase.level_start
        self.accuracy = 0.5 if self._phase < 0 and not self.config.warm_start else phase.least_accuracy
        self._phase = index

    def _new_optimiser(self) -> torch.optim.AdamW:
        groups = [{"params": list(network.parameters())} for network in (self.generator, self.detector)]
        return torch.optim.AdamW(groups, lr=1e-3, betas=(0.8, 0.98), weight_decay=1e-3)

    def _set_rates(self, phase: Phase, within: int) -> None:
        rate = phase.learning_rate * min(1.0, (within + 1) / 50)
        done = within / phase.steps
        if done > 1 - phase.anneal:
            rate *= 0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * (done - 1 + phase.anneal) / phase.anneal))
        self._optimiser.param_groups[0]["lr"] = rate * phase.generator_rate
        self._optimiser.param_groups[1]["lr"] = rate

    def _average(self) -> None:
        decay = min(self.config.average_decay, 1 - 1 / (10 + self.step))
        with torch.no_grad():
            for average, live in zip(self._averages, (self.generator, self.detector), strict=True):
                for kept, fresh in zip(average.parameters(), live.parameters(), strict=True):
                    kept.lerp_(fresh, 1 - decay)

    def _follow(self, phase: Phase, accuracy: float) -> None:
        """Lower the level while enough frames are right; raise it, at most to the start, when too few are."""
        self.accuracy = 0.98 * self.accuracy + 0.02 * accuracy
        if self.accuracy > phase.least_accuracy:
            pace = 2 if self.accuracy > 0.97 else 1
            self.level = max(phase.level_end, self.level - pace * phase.level_rate)
        elif self.accuracy < phase.least_accuracy - 0.06:
            self.level = min(phase.level_start, self.level + 0.5 * phase.level_rate)

    def _log(self, steps_per_s: float) -> None:
        names = dict.fromkeys(name for row in self._recent for name in row)
        facts: dict[str, Any] = {
            "step": self.step,
            "of": self.config.steps,
            "phase": self.config.phases[self._phase].name,
            "level": round(self.level, 4),
            "steps_per_s": round(steps_per_s, 3),
            **{
                name: round(float(np.mean([row[name] for row in self._recent if name in row])), 4)
                for name in names
            },
        }
        self._recent.clear()
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")
        self._report(facts)

    # -------------------------------------------------------------- state
    def save(self) -> None:
        """Write the checkpoint, and the averaged networks in the package's form under `run_folder/stock`."""
        tensors, counts = checkpoints.gathered(self._modules(), self._optimiser)
        facts = {
            "step": self.step,
            "level": self.level,
            "accuracy": self.accuracy,
            "phase": self._phase,
            "opened": self.generator.msg_processor.msg_processor.weight.requires_grad,
            "counts": counts,
            "seed": self.config.seed,
        }
        checkpoints.save(self.folder, tensors, facts)
        self.export(self.folder / "stock")

    def _resume(self) -> None:
        stored = checkpoints.load(self.folder)
        if stored is None:
            return
        tensors, facts = stored
        if facts["seed"] != self.config.seed:
            raise ValueError("the checkpoint belongs to a run with another seed")
        checkpoints.restore(tensors, facts["counts"], self._modules(), self._optimiser)
        self.step, self.level, self.accuracy = facts["step"], facts["level"], facts["accuracy"]
        self._phase = facts["phase"]
        self.generator.msg_processor.msg_processor.weight.requires_grad_(facts["opened"])

    def _modules(self) -> dict[str, nn.Module]:
        return dict(
            zip(("g", "d", "ag", "ad"), (self.generator, self.detector, *self._averages), strict=True)
        )

    def export(self, folder: Path) -> None:
        """The averaged networks in stock form, the gain of now folded into the generator's last layer."""
        phase = self.config.phases[max(self._phase, 0)]
        generator, gains_db = copy.deepcopy(self._averages[0]), []
        drawn = torch.random.get_rng_state()
        with torch.no_grad():
            for step in range(_EXPORT_BATCHES):
                hosts = self._batches.at(10**8 + step).hosts.to(self.device)
                message = self._draw_message(phase, len(hosts))
                gains_db.append(20 * math.log10(float(self._mark(generator, hosts, message, phase)[1])))
        torch.random.set_rng_state(drawn)
        networks.scale_mark(generator, 10 ** (float(np.mean(gains_db)) / 20))
        shapes = self.config.generator, self.config.detector
        audible = round(self.level, 4) if phase.loudness != "ratio" else None
        networks.save_stock(folder, generator, self._averages[1], shapes, audible)

    def _warm_start(self, folder: Path) -> None:
        for name, network in (
            (networks.GENERATOR_FILE, self.generator),
            (networks.DETECTOR_FILE, self.detector),
        ):
            networks.warm_start(network, networks.stored_weights(folder / name))
        networks.unscale_mark(self.generator)


def _frame_labels(labels: torch.Tensor) -> torch.Tensor:
    """(b, 1, n) -> (b, n / 320): the marked share of each frame, -1 where any of it does not count."""
    frames = labels[:, 0, : labels.shape[-1] // FRAME * FRAME].reshape(len(labels), -1, FRAME)
    share = frames.mean(-1)
    return torch.where((frames < 0).any(-1), torch.full_like(share, -1), share)


def _sounding(hosts: torch.Tensor) -> torch.Tensor:
    """0 in digital silence, else 1: silence must not speak against a mark."""
    reach = _SILENT_RUN // 2
    loud = nn.functional.max_pool1d((hosts != 0).float(), _SILENT_RUN, 1, reach)
    return -nn.functional.max_pool1d(-loud, _SILENT_RUN, 1, reach)


def _without_rumble(mark: torch.Tensor) -> torch.Tensor:
    """The mark without what lies below 120 to 180 Hz: that part costs loudness and earns nothing."""
    spectrum = torch.fft.rfft(mark)
    frequency = torch.linspace(0, SAMPLE_RATE_HZ / 2, spectrum.shape[-1], device=mark.device)
    return torch.fft.irfft(spectrum * ((frequency - 120) / 60).clamp(0, 1), n=mark.shape[-1])
