"""Runs the log's sequencer until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, connections

from audit import continuity, keys, watch
from audit.offline import VerifyError
from audit.sequencer import BrokenLog, Sequencer, SequencerRefusal
from synth.local import pulse

log = logging.getLogger("audit.sequencer")

EXIT_REFUSED = 3


class Command(BaseCommand):
    help = "Puts queued entries into the log's tree and signs checkpoints. One works, further copies wait."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="empty the queue, then exit")
        parser.add_argument("--interval-ms", type=int, default=100, help="pause between looks at the queue")
        parser.add_argument(
            "--adopt", action="store_true", help="write the lost external checkpoint anew from the database"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._stop = threading.Event()
        self._said_s = -pulse.EVERY_S
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._stop.set())
        signer = keys.signer()
        keys.publish_verifier(signer.verifier)
        sequencer = Sequencer(
            signer=signer,
            external=keys.checkpoint_file(),
            next_signer=keys.next_signer,
            finish_rotation=keys.finish_rotation,
        )
        pause_s = max(1, options["interval_ms"]) / 1000
        adopt = options["adopt"]
        while not self._stop.is_set():
            try:
                if not sequencer.try_lock():
                    if options["once"]:
                        raise CommandError("another sequencer is at work", returncode=1)
                    self._well()  # a copy that waits its turn
                    self._stop.wait(1.0)
                    continue
                if adopt:
                    sequencer.adopt()
                    adopt = False
                size = sequencer.recover()
                watch.check_sample("sequencer")
                continuity.clear_refusal()
                log.info("sequencing from entry %d on, key %s", size, signer.verifier.vkey)
                self._work(sequencer, pause_s, once=options["once"])
                return
            except (SequencerRefusal, VerifyError) as error:
                continuity.leave_refusal(str(error))
                raise CommandError(f"The log is not signed on: {error}.", returncode=EXIT_REFUSED) from error
            except (DatabaseError, InterfaceError) as error:
                # The session, and the lock with it, is gone: begin again, from what the database now says.
                if options["once"]:
                    raise
                log.warning("database lost, trying again: %s", error)
                connections["sequencer"].close()
                self._stop.wait(1.0)
            finally:
                if self._stop.is_set() or options["once"]:
                    connections["sequencer"].close()

    def _well(self) -> None:
        """The database has just answered; said every few seconds."""
        if time.monotonic() - self._said_s > pulse.EVERY_S:
            pulse.touch(Path(settings.ASSENT_DATA_DIR), "sequencer")
            self._said_s = time.monotonic()

    def _work(self, sequencer: Sequencer, pause_s: float, *, once: bool) -> None:
        while not self._stop.is_set():
            if sentence := continuity.fault():
                raise BrokenLog(sentence)
            taken = sequencer.step()
            self._well()
            if taken:
                log.debug("sequenced %d entries", taken)
            elif once:
                return
            else:
                self._stop.wait(pause_s)
