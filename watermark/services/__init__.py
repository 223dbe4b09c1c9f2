"""Writes of this room: marks in the registry, and the questions put to it."""

from watermark.services.marks import (
    begin_stream_mark,
    current_epoch,
    end_stream_mark,
    extend_stream_mark,
    issue_mark,
    reserve_mark,
    rotate_epoch,
    take_down,
)
from watermark.services.queries import (
    MAX_ATTEMPTS,
    beat,
    begin_verification,
    cancel_batch,
    cancel_verification,
    complete_verification,
    fail_verification,
    forget_heard,
    reap_verifications,
    submit_batch,
    submit_verification,
    sweep_verifications,
)

__all__ = [
    "MAX_ATTEMPTS",
    "beat",
    "begin_stream_mark",
    "begin_verification",
    "cancel_batch",
    "cancel_verification",
    "complete_verification",
    "current_epoch",
    "end_stream_mark",
    "extend_stream_mark",
    "fail_verification",
    "forget_heard",
    "issue_mark",
    "reap_verifications",
    "reserve_mark",
    "rotate_epoch",
    "submit_batch",
    "submit_verification",
    "sweep_verifications",
    "take_down",
]
