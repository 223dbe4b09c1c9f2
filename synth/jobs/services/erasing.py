"""What goes with an erased voice: every file that was spoken in it, and every text that it was to speak."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from accounts.voices.models import Voice
from audit.actors import Actor
from audit.services import record
from audit.subjects import about
from synth.jobs.models import Output, SynthesisJob
from watermark.models import Mark
from watermark.services import forget_heard


def erase_jobs_of(*, voice: Voice, actor: Actor) -> int:
    """Delete the released files of `voice` and empty the texts of its jobs; returns how many files went.

    Inside the transaction that erases the voice; the files themselves go once it has committed. Rows, hashes,
    marks and log entries stay: a copy out in the world is still recognised, and says that consent was revoked.
    """
    # The request's hash is of the bare text, so whoever guesses the text could confirm it: it goes too. Jobs that
    # wait or run come to nothing by themselves, for the consent is closed.
    SynthesisJob.objects.filter(voice=voice).update(
        text="",
        source_text="",
        segments=[],
        text_salt=b"",
        request_sha256="",
        follow_report=None,
        spoken_check=None,
    )
    forget_heard(Mark.objects.filter(consent__voice=voice))
    outputs = Output.objects.select_for_update(of=("self",)).select_related("job").filter(job__voice=voice)
    deleted = list(outputs.filter(deleted_at__isnull=True))
    for output in deleted:
        _delete_on_commit(output.file)
        record(
            event="output.deleted",
            actor=actor,
            organisation_id=output.job.organisation_id,
            subject=about("voice", voice.pk),
            data={"job_id": str(output.job_id), "output_id": str(output.pk), "reason": "voice_erased"},
            idempotency_key=f"output.deleted:{output.pk}",
        )
    Output.objects.filter(pk__in=[output.pk for output in deleted]).update(file="", deleted_at=timezone.now())
    return len(deleted)


def on_voice_erased(sender: Any, voice: Voice, actor: Actor, **kwargs: Any) -> int:
    """Receiver of `accounts.voices.signals.voice_erased`."""
    return erase_jobs_of(voice=voice, actor=actor)


def _delete_on_commit(name: str) -> None:
    # A file that cannot be deleted now must not undo what is committed; the sweep finds it, for no row names it.
    transaction.on_commit(lambda: default_storage.delete(name), robust=True)
