"""The inaudible mark: arrays in, arrays and measurements out; no rows, no files, no framework.

`embed` marks, `read_back` proves one known record, `detect` asks what a file carries; `fingerprint` binds a
mark to its content. The public AudioSeal layer is `audioseal_layer`, imported on its own because it needs
torch.
"""

from . import fingerprint
from .detect import (
    DETECTOR_VERSION,
    PRESENCE_FALSE_RATE,
    Detection,
    RecordDetection,
    Span,
    detect,
    detect_blocks,
)
from .embed import SHORTEST_S, TARGET_QUALITY, embed
from .keys import MarkKeys
from .readback import ReadBack, read_back
from .stream import StreamEmbedder

__all__ = [
    "DETECTOR_VERSION",
    "PRESENCE_FALSE_RATE",
    "SHORTEST_S",
    "TARGET_QUALITY",
    "Detection",
    "MarkKeys",
    "ReadBack",
    "RecordDetection",
    "Span",
    "StreamEmbedder",
    "detect",
    "detect_blocks",
    "embed",
    "fingerprint",
    "read_back",
]
