"""The receipts' key: show it and its predecessors, or replace it."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from accounts.consent import receipt_keys
from audit.key_command import KeyCommand


class Command(KeyCommand):
    help = "Show the keys that consent receipts verify under, or replace the signing key (rotate)."

    def lines(self) -> Iterator[str]:
        for key in (receipt_keys.current(), *receipt_keys.retired()):
            state = f"retired {key.retired_at}" if key.retired_at else "signs now"
            yield f"{key.key_id}  {key.public_key}  {state}"

    def rotate(self) -> None:
        with transaction.atomic():
            # The files last: if they cannot be written, the entry does not come to be either.
            old, new = receipt_keys.rotate()
            self.record("receipt", previous=old.key_id, following=new.key_id)
        self.stdout.write("Rotated. Back up the keys folder again. Receipts signed before stay valid.")
