"""The log's key: show it and its predecessors, or have the sequencer hand over to a new one."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from audit import keys
from audit.key_command import KeyCommand


class Command(KeyCommand):
    help = "Show the log's verifier keys, the oldest first, or replace the signing key (rotate)."

    def lines(self) -> Iterable[str]:
        return (key.vkey for key in keys.verifiers())

    def rotate(self) -> None:
        present = keys.verifier()
        with transaction.atomic():
            # The file before the entry: with an entry and no key the log would announce what never comes.
            following = keys.prepare_rotation().verifier
            try:
                self.record("log", previous=present.key_id.hex(), following=following.key_id.hex())
            except BaseException:
                keys.next_key_path().unlink()
                raise
        self.stdout.write(
            "The sequencer hands over with its next batch; that checkpoint bears both signatures.\n"
            f"The new key, for those who verify:\n{following.vkey}\nKeys until now:"
        )
