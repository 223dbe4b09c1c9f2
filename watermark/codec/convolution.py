"""Error correction: the rate 1/3 convolutional code of constraint length 9 and its Viterbi decoder.

Generators 557, 663, 711 (octal), as in 3GPP TS 25.212; 8 tail bits bring the encoder back to state zero,
so 64 payload bits become 216 coded signs.
"""

from __future__ import annotations

import numpy as np

from .parameters import PAYLOAD_BITS

CONSTRAINT = 9
GENERATORS = (0o557, 0o663, 0o711)
RATE = len(GENERATORS)
STEPS = PAYLOAD_BITS + CONSTRAINT - 1
CODE_SIGNS = RATE * STEPS
_STATES = 1 << CONSTRAINT - 1


def _taps() -> np.ndarray:
    """Generators as rows of zeros and ones, oldest bit first: shape (3, 9)."""
    return np.array(
        [[generator >> CONSTRAINT - 1 - i & 1 for i in range(CONSTRAINT)] for generator in GENERATORS]
    )


def _branch_signs() -> np.ndarray:
    """Output signs for every content of the 9-bit shift register: shape (512, 3)."""
    registers = np.arange(2 * _STATES)[:, None] >> np.arange(CONSTRAINT - 1, -1, -1) & 1
    result: np.ndarray = (2 * (registers @ _taps().T % 2) - 1).astype(np.float32)
    return result


_TAPS = _taps()
_BRANCHES = _branch_signs()
_PREVIOUS = np.arange(2 * _STATES) >> 1  # state before each register content


def encode(bits: np.ndarray) -> np.ndarray:
    """Payload bits (..., 64) to coded signs -1 / +1, int8, shape (..., 216)."""
    bits = np.asarray(bits, np.uint8)
    edge = np.zeros((*bits.shape[:-1], CONSTRAINT - 1), np.uint8)
    padded = np.concatenate([edge, bits, edge], axis=-1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, CONSTRAINT, axis=-1)
    coded = windows @ _TAPS.T.astype(np.uint8) % 2
    return (2 * coded.astype(np.int8) - 1).reshape(*bits.shape[:-1], CODE_SIGNS)


def decode(soft: np.ndarray) -> np.ndarray:
    """Most likely payload bits for soft coded signs: (n, 216) float -> (n, 64) uint8. Scale does not
    matter.
    """
    soft = np.atleast_2d(np.asarray(soft, np.float32))
    count = len(soft)
    branch = soft.reshape(count, STEPS, RATE) @ _BRANCHES.T  # (n, steps, 512)
    metric = np.full((count, _STATES), -1e9, np.float32)
    metric[:, 0] = 0
    choice = np.zeros((STEPS, count, _STATES), bool)
    for step in range(STEPS):
        # A new state is the low 8 bits of the register: contents s and s + 256 lead to the same state s.
        reached = metric[:, _PREVIOUS] + branch[:, step]
        upper, lower = reached[:, _STATES:], reached[:, :_STATES]
        choice[step] = upper > lower
        metric = np.maximum(upper, lower)
    state = np.zeros(count, np.int64)
    bits = np.zeros((count, STEPS), np.uint8)
    rows = np.arange(count)
    for step in range(STEPS - 1, -1, -1):
        register = state + _STATES * choice[step, rows, state]
        bits[:, step] = register & 1
        state = register >> 1
    return bits[:, :PAYLOAD_BITS]
