"""``manage.py audit recover``: what to do when the log cannot be signed on; ``audit check``, ``audit mend``: whether
it is whole, and putting back what protects it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections, transaction

from audit import continuity, guards, keys, services, watch
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
  4. The stored log contradicts itself: restore what was changed, from a backup. The log goes on when a complete
     check finds it whole:
       manage.py audit check
Check everything that is stored, before and after: manage.py audit check"""


class Command(BaseCommand):
    help = (
        "recover: says why the log cannot be signed on, and carries out the way that a person chose. "
        "check: everything, now. mend: puts back triggers and queued entries, as the owner of the tables."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["recover", "check", "mend"])
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--adopt", action="store_true", help="write the lost copy anew from the database")
        way.add_argument(
            "--accept-loss", action="store_true", help="go on from what the database has; the log says so"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["do"] == "check":
            self._check()
            return
        if options["do"] == "mend":
            self._mend()
            return
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

    def _check(self) -> None:
        result = watch.check_all()
        for sentence in result.sentences:
            self.stdout.write(sentence)
        if result.fault:
            raise CommandError(
                "The log contradicts itself and is not signed on until a check finds it whole."
            )
        self.stdout.write(f"{result.size} entries, root {result.root}: whole")

    def _mend(self) -> None:
        for sentence in guards.mend():
            self.stdout.write(f"mended: {sentence}")
        left = [*guards.missing("owner"), *guards.left_behind("owner")]
        if left:
            raise CommandError(f"Not mended: {'; '.join(left)}.")

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
