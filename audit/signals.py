"""What rooms above this one are told of the log: they know it, it does not know them."""

from __future__ import annotations

from django.dispatch import Signal

# Sent inside the transaction that writes an entry, with the new `entry` and its `data`; not for one that was there
# already. What a receiver writes stands or falls with the entry.
entry_recorded = Signal()
