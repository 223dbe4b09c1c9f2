"""What rooms above this one are told of a voice: they know accounts, accounts does not know them."""

from __future__ import annotations

from django.dispatch import Signal

# Sent inside the erasing transaction with `voice` and `actor`. A receiver erases what it keeps of the voice, and
# returns how many files that were; if it raises, nothing is erased.
voice_erased = Signal()

# Sent with `voice` before a statement is issued. A receiver that raises an AssentError keeps it from being issued.
challenge_wanted = Signal()

# Sent with `principal`, the owner of a voice, who read what becomes of their voice data and went on.
biometric_notice_read = Signal()

# Sent inside the revoking transaction, which holds the consent's row, with `voice` and `actor`. A receiver ends what
# was begun in the voice.
voice_revoked = Signal()
