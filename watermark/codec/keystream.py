"""What an epoch key says about every tile: its sign, and whether it carries sync, confirmation or a coded
bit.

The keystream is 64 different one-second periods, and the polarity of the sync tiles is drawn anew per
period and output. So nothing repeats inside a clip, and averaging many outputs of one epoch shows no sync
pattern. Key material comes from SHAKE-256, which gives the same plan on every machine and library version.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

import numpy as np

from .content import delays_from
from .convolution import CODE_SIGNS
from .keys import EpochKeys, expand_bytes
from .parameters import (
    CONFIRMATION_SHARE,
    KEYSTREAM_TILES,
    PERIOD_TILES,
    PERIODS,
    RECORD_BITS,
    SYNC_SHARE,
    TILE_ROWS,
)

SYNC = CODE_SIGNS
CONFIRMATION = CODE_SIGNS + 1
ROLES = CODE_SIGNS + 2


class Keystream:
    """Signs and roles of one epoch.

    signs: int8 (4032, 69), -1 or +1. roles: int16 (4032, 69), an index below 216 of a coded bit, SYNC or
    CONFIRMATION. sync: float32 (64, 63, 69), the signs of the sync tiles by period, zero elsewhere.
    delays: int64 (69,), how the content signs each row; see `content`.
    """

    def __init__(self, keys: EpochKeys) -> None:
        per_period = PERIOD_TILES * TILE_ROWS
        material = expand_bytes(keys.keystream, "plan", 2 * PERIODS * per_period * 4)
        draws = np.frombuffer(material, "<u4").reshape(2, PERIODS, per_period)
        self.signs = (2 * (draws[0] & 1).astype(np.int8) - 1).reshape(KEYSTREAM_TILES, TILE_ROWS)
        order = np.argsort(draws[1], axis=1, kind="stable")
        plan = np.broadcast_to(_roles_of_a_period(per_period), (PERIODS, per_period))
        roles = np.empty((PERIODS, per_period), np.int16)
        np.put_along_axis(roles, order, plan, axis=1)
        self.roles = roles.reshape(KEYSTREAM_TILES, TILE_ROWS)
        sync = np.where(self.roles == SYNC, self.signs, 0).astype(np.float32)
        self.sync = sync.reshape(PERIODS, PERIOD_TILES, TILE_ROWS)
        self.delays = delays_from(expand_bytes(keys.keystream, "content", TILE_ROWS))
        self._confirmation_key = keys.confirmation

    def columns(self, place: int, count: int) -> np.ndarray:
        """Indices into `signs` and `roles` of `count` tile columns from `place` on (the keystream is a
        ring).
        """
        return (place + np.arange(count)) % KEYSTREAM_TILES

    def confirmation_signs(self, record_number: int) -> np.ndarray:
        """Signs of the confirmation tiles for one record: int8 (4032, 69). They average out over records."""
        key = hmac.digest(self._confirmation_key, record_number.to_bytes(RECORD_BITS // 8, "big"), "sha256")
        count = KEYSTREAM_TILES * TILE_ROWS
        bits = np.unpackbits(np.frombuffer(expand_bytes(key, "confirmation", -(-count // 8)), np.uint8))[
            :count
        ]
        return (2 * bits.astype(np.int8) - 1).reshape(KEYSTREAM_TILES, TILE_ROWS)

    def known_signs(self, record_number: int, code: np.ndarray) -> np.ndarray:
        """Signs of every tile once record and coded signs (216,) are known: int8 (4032, 69).

        To be compared with bound features. Sync tiles are zero, because their polarity is drawn per output
        and period.
        """
        by_role = np.concatenate([code.astype(np.int8), np.zeros(2, np.int8)])
        signs: np.ndarray = self.signs * by_role[self.roles]
        confirmation = self.roles == CONFIRMATION
        signs[confirmation] = self.confirmation_signs(record_number)[confirmation]
        return signs


def _roles_of_a_period(per_period: int) -> np.ndarray:
    sync = int(SYNC_SHARE * per_period)
    confirmation = int(CONFIRMATION_SHARE * per_period)
    plan = np.empty(per_period, np.int16)
    plan[:sync] = SYNC
    plan[sync : sync + confirmation] = CONFIRMATION
    plan[sync + confirmation :] = np.arange(per_period - sync - confirmation) % CODE_SIGNS
    return plan


@lru_cache(maxsize=32)
def keystream(keys: EpochKeys) -> Keystream:
    """The keystream of an epoch, kept: making it takes about 30 ms."""
    return Keystream(keys)
