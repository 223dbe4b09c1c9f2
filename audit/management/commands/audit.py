"""``manage.py audit recover``: what to do when the log cannot be signed on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections, transaction

from audit import continuity, keys, services
from audit.actors import SYSTEM
from audit.sequencer import Sequencer, SequencerRefusal

WAYS = """\
Ways on:
  1. Bring the missing entries back: restore a newer backup of the database, or replay its write-ahead log.
     Nothing else has to be done; the sequencer goes on by itself.
  2. The copy outside the database was lost, the database lost nothing:
       manage.py audit recover --adopt
  3. The entries are lost for good. The copy that names them is kept as evidence, the loss is written into the
     log itself, and whoever kept a newer checkpoint will see that the log does not continue it:
       manage.py audit recover --accept-loss
Check everything that is stored, before and after: manage.py audit_verify"""


class Command(BaseCommand):
    help = "Says why the log cannot be signed on, and carries out the way that a person chose."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["recover"])
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--adopt", action="store_true", help="write the lost copy anew from the database")
        way.add_argument(
            "--accept-loss", action="store_true", help="go on from what the database has; the log says so"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["adopt"] or options["accept_loss"]):
            sentence = continuity.interruption()
            self.stdout.write(f"The log cannot go on: {sentence}." if sentence else "The log goes on.")
            if sentence:
                self.stdout.write(WAYS)
            return
        sequencer = Sequencer(signer=keys.signer(), external=keys.checkpoint_file())
        try:
            if not sequencer.try_lock():
                raise CommandError("A sequencer is at work, so the log goes on: nothing to recover.")
            if options["adopt"]:
                sequencer.adopt()
            else:
                self._accept_loss(sequencer)
            sequencer.recover()
        except SequencerRefusal as error:
            raise CommandError(f"The log is not signed on: {error}.") from error
        finally:
            connections["sequencer"].close()
        continuity.clear_refusal()
        self.stdout.write("The log goes on; the sequencer takes it up within half a minute.")

    def _accept_loss(self, sequencer: Sequencer) -> None:
        lost = sequencer.lost()
        if lost is not None:
            outside, size = lost
            # The entry before the act: a crash between the two leaves the log refused, never silent.
            with transaction.atomic():
                services.record(
                    event="log.loss_accepted",
                    actor=SYSTEM,
                    data={"size": size, "previous_size": outside.size, "root_sha256": outside.root.hex()},
                    idempotency_key=f"log.loss_accepted:{outside.size}:{outside.root.hex()}",
                )
        sequencer.abandon()
