"""Comparing a file with what was released, word by word. Pure: arrays in, findings out.

reference   what is kept of a released sound (under 1 kB a second)
bands       what the comparison sees: levels in 24 bands
channel     what happened to the whole file, from the file itself
path, order where in the record each moment is; cuts, insertions, moved passages
residual    what then still differs, against what usually differs in this file
score       how much that speaks for an edit (weights fitted by `make bench-verdict`)
overlay     a file laid over a record by all of these
flags       which seconds are not as released
"""

from .flags import Comparison, Flag, compare
from .reference import BadReference, Reference

__all__ = ["BadReference", "Comparison", "Flag", "Reference", "compare"]
