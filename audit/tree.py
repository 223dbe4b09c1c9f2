"""The tree as it is stored: leaves, and the roots of full tiles, read through one database connection."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections

from audit import merkle
from audit.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH


class BrokenTree(RuntimeError):
    """The stored tree lacks a row that its size promises."""


class StoredTree:
    """Reads hashes of the tree; nothing is cached, for rows never change but may be appended."""

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        self._connection = connections[using]

    def hashes(self, tile_level: int, start: int, count: int) -> list[bytes]:
        """``count`` adjacent hashes at tree height 8 x ``tile_level``, from position ``start``."""
        with self._connection.cursor() as cursor:
            if tile_level == 0:
                cursor.execute(
                    'SELECT leaf_hash FROM audit_leaf WHERE "index" >= %s AND "index" < %s ORDER BY "index"',
                    [start, start + count],
                )
            else:
                cursor.execute(
                    "SELECT root FROM audit_tile WHERE level = %s AND number >= %s AND number < %s"
                    " ORDER BY number",
                    [tile_level - 1, start, start + count],
                )
            found = [bytes(row[0]) for row in cursor.fetchall()]
        if len(found) != count:
            raise BrokenTree(
                f"level {tile_level}: {len(found)} of {count} hashes from position {start} are stored"
            )
        return found

    def node(self, level: int, index: int) -> bytes:
        """Root of one complete subtree (the `audit.merkle.Node` of this tree)."""
        tile_level, height = divmod(level, TILE_HEIGHT)
        return merkle.root_of(self.hashes(tile_level, index << height, 1 << height))

    def tile(self, tile_level: int, number: int, width: int = TILE_WIDTH) -> bytes:
        """The first ``width`` hashes of a tile, one after the other (c2sp.org/tlog-tiles)."""
        if width == TILE_WIDTH:
            with self._connection.cursor() as cursor:
                cursor.execute(
                    "SELECT hashes FROM audit_tile WHERE level = %s AND number = %s", [tile_level, number]
                )
                row = cursor.fetchone()
            if row is None:
                raise BrokenTree(f"tile {tile_level}/{number} is not stored")
            return bytes(row[0])
        return b"".join(self.hashes(tile_level, number * TILE_WIDTH, width))

    def add_full_tiles(self, old_size: int, new_size: int) -> None:
        """Insert the tiles that leaves ``old_size`` up to ``new_size`` (just inserted) have filled."""
        level = 0
        while new_size >> (TILE_HEIGHT * (level + 1)):
            shift = TILE_HEIGHT * (level + 1)
            for number in range(old_size >> shift, new_size >> shift):
                hashes = self.hashes(level, number * TILE_WIDTH, TILE_WIDTH)
                with self._connection.cursor() as cursor:
                    cursor.execute(
                        "INSERT INTO audit_tile (level, number, hashes, root) VALUES (%s, %s, %s, %s)",
                        [level, number, b"".join(hashes), merkle.root_of(hashes)],
                    )
            level += 1

    def leaf_count(self) -> int:
        """Number of leaves; raises `BrokenTree` where their indexes are not 0, 1, 2, ..."""
        with self._connection.cursor() as cursor:
            cursor.execute('SELECT max("index") FROM audit_leaf')
            last = cursor.fetchone()[0]
        return 0 if last is None else last + 1


class TiledTree(StoredTree):
    """For proofs: whole tiles are read and kept for the next node, so that a proof costs a few queries at any size.

    Believes the stored tiles. What checks them against the leaves below (`audit.verification`, the sequencer) uses
    `StoredTree`.
    """

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__(using)
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        number, offset = divmod(index << height, TILE_WIDTH)
        return merkle.root_of(
            self._hashes(tile_level, number, offset + (1 << height))[offset:][: 1 << height]
        )

    def _hashes(self, tile_level: int, number: int, needed: int) -> list[bytes]:
        """At least the first ``needed`` hashes of a tile."""
        known = self._tiles.get((tile_level, number), [])
        if len(known) < needed:
            try:
                known = split_hashes(self.tile(tile_level, number))
            except BrokenTree:  # not full yet
                known = self.hashes(tile_level, number * TILE_WIDTH, needed)
            self._tiles[(tile_level, number)] = known
        return known


def split_hashes(data: bytes) -> list[bytes]:
    """Hashes of a tile, apart."""
    return [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]
