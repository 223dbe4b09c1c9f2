"""A run's state on disk, in parts of at most 16 MiB, whole or not at all.

Resuming from it gives the very numbers that running on would have given: weights, their averages, the
optimiser and the controller are kept exactly, and everything random is drawn anew from (seed, step).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

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
