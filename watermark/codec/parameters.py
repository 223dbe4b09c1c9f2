"""Numbers both sides of the keyed mark must agree on. Changing one makes older outputs unreadable.

The mark lives on a grid of tiles: 3 bins x 2 frames of a 512/128 Hann STFT at 16 kHz, 94 Hz x 16 ms each,
69 rows from 562 to 7031 Hz. 63 columns make a period of 1.008 s. An epoch key yields 64 different periods
in a row, the keystream (about 64.5 s), which an output enters at a random place.
"""

SAMPLE_RATE_HZ = 16_000
WINDOW = 512
HOP = 128

FIRST_BIN = 18  # 562 Hz: starting lower helps against noise but costs 0.15 PESQ
BINS_PER_TILE = 3
FRAMES_PER_TILE = 2
TILE_ROWS = 69
BINS = TILE_ROWS * BINS_PER_TILE
TILES_PER_SECOND = SAMPLE_RATE_HZ / (HOP * FRAMES_PER_TILE)  # 62.5

PERIOD_TILES = 63
PERIODS = 64
KEYSTREAM_TILES = PERIODS * PERIOD_TILES

RECORD_BITS = 40
MAC_BITS = 24
PAYLOAD_BITS = RECORD_BITS + MAC_BITS

SYNC_SHARE = 0.22  # of the tiles: known to every detector with the key
CONFIRMATION_SHARE = 0.08  # of the tiles: checkable only once the record number is known; the rest is code

LONGEST_DELAY_TILES = 12  # of the content that signs a bound row; see `content`
