"""How well a mark is found: the only losses. How loud it may be is a constraint, see codec/audibility.py."""

from __future__ import annotations

import torch
from torch.nn import functional

_NEAR_BORDER, _BORDER_WEIGHT = 4, 3.0  # frames; how much more than others they count


def presence_loss(log_odds: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy per frame, and of the mean over clips that are wholly marked or wholly unmarked.

    log_odds, labels: (b, frames); a label is the marked share of the frame, or -1 for a frame that does not
    count. Frames near a border of the mark count more, so that borders become sharp. The second part
    rewards evidence that adds up over a clip.
    """
    counts = labels >= 0
    step = (labels[:, 1:] - labels[:, :-1]).abs() > 0.02
    near = functional.pad(step.float(), (1, 0))[:, None]
    near = functional.max_pool1d(near, 2 * _NEAR_BORDER + 1, 1, _NEAR_BORDER)[:, 0]
    loss = functional.binary_cross_entropy_with_logits(
        log_odds[counts], labels[counts], 1 + _BORDER_WEIGHT * near[counts]
    )
    share = (labels.clamp_min(0) * counts).sum(1) / counts.sum(1).clamp_min(1)
    mean = (log_odds * counts).sum(1) / counts.sum(1).clamp_min(1)
    whole = (share > 0.98) | (share < 0.02)
    if whole.any():
        loss = loss + 0.3 * functional.binary_cross_entropy_with_logits(mean[whole], share[whole].round())
    return loss


def message_loss(
    bit_logits: torch.Tensor, labels: torch.Tensor, message: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross entropy of the bits averaged over the marked frames of each clip, and their accuracy.

    bit_logits: (b, bits, frames). Clips with fewer than ten marked frames do not count.
    """
    inside = (labels > 0.98).float()[:, None]
    enough = inside.sum((1, 2)) >= 10
    mean = (bit_logits * inside).sum(2) / inside.sum(2).clamp_min(1)
    wanted = message.float()[enough]
    if not enough.any():
        return bit_logits.sum() * 0, bit_logits.new_full((), 0.5)
    loss = functional.binary_cross_entropy_with_logits(mean[enough], wanted)
    return loss, ((mean[enough] > 0).float() == wanted).float().mean()
