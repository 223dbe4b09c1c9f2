"""A run's state on disk, in parts of at most 16 MiB, whole or not at all.

Resuming from it gives the very numbers that running on would have given: weights, their averages, the
optimiser and the controller are kept exactly, and everything random is drawn anew from (seed, step).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

PART_BYTES = 15 * 2**20
_LATEST = "checkpoint"


def save(run_folder: Path, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
    """Write the state beside the old one, then put it in its place."""
    fresh, latest, old = (run_folder / name for name in (f"{_LATEST}.new", _LATEST, f"{_LATEST}.old"))
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    parts: list[dict[str, torch.Tensor]] = [{}]
    filled = 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        if filled and filled + size > PART_BYTES:
            parts.append({})
            filled = 0
        parts[-1][name] = tensor.detach().cpu().clone()
        filled += size
    for number, part in enumerate(parts):
        torch.save(part, fresh / f"part-{number:02d}.pt")
    torch.save({**facts, "parts": len(parts)}, fresh / "facts.pt")
    shutil.rmtree(old, ignore_errors=True)
    if latest.exists():
        latest.rename(old)
    fresh.rename(latest)
    shutil.rmtree(old, ignore_errors=True)


def load(run_folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """Tensors on the CPU and facts of the latest checkpoint; None when there is none."""
    for name in (_LATEST, f"{_LATEST}.old"):
        folder = run_folder / name
        if (folder / "facts.pt").is_file():
            facts: dict[str, Any] = torch.load(folder / "facts.pt", weights_only=True)
            tensors: dict[str, torch.Tensor] = {}
            for number in range(facts["parts"]):
                tensors.update(
                    torch.load(folder / f"part-{number:02d}.pt", map_location="cpu", weights_only=True)
                )
            return tensors, facts
    return None


def gathered(
    modules: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer
) -> tuple[dict[str, torch.Tensor], dict[int, float]]:
    """Tensors of named modules and of Adam's moments, and Adam's own count of steps of each parameter."""
    tensors = {
        f"{prefix}.{name}": value
        for prefix, module in modules.items()
        for name, value in module.state_dict().items()
    }
    counts = {}
    for key, entry in optimiser.state_dict()["state"].items():
        counts[key] = float(entry["step"])
        tensors |= {f"m{key}.{name}": value for name, value in entry.items() if name != "step"}
    return tensors, counts


def restore(
    tensors: Mapping[str, torch.Tensor],
    counts: Mapping[int, float],
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
) -> None:
    """Put back what `gathered` took."""
    for prefix, module in modules.items():
        start = f"{prefix}."
        module.load_state_dict({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})
    state = optimiser.state_dict()
    state["state"] = {
        key: {
            "step": torch.tensor(count),
            **{name: tensors[f"m{key}.{name}"] for name in ("exp_avg", "exp_avg_sq")},
        }
        for key, count in counts.items()
    }
    optimiser.load_state_dict(state)
