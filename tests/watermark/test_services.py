"""Queries put to the registry: bounded, answered once with their entry, forgotten in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.actors import ANONYMOUS
from audit.models import Entry
from synth.common import uploads
from synth.errors import AssentError, Unavailable
from watermark import services
from watermark.models import MarkEpoch, Verification

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def ask():
    return services.submit_verification(file=SimpleUploadedFile("a.wav", b"sound"), actor=ANONYMOUS)


def test_an_answer_is_logged_once_and_the_upload_is_gone():
    row = ask()
    assert services.begin_verification(verification_id=row.id) is not None
    assert services.begin_verification(verification_id=row.id) is None
    for _ in range(2):
        services.complete_verification(verification_id=row.id, report={"verdict": "no_watermark"})
    row.refresh_from_db()
    assert row.state == Verification.State.DONE
    assert row.report["log_entry"] == row.entry_id
    assert Entry.objects.filter(event="verification.queried").count() == 1
    assert default_storage.listdir(uploads.FOLDER)[1] == []


def test_an_unreadable_file_is_logged_too():
    row = ask()
    services.begin_verification(verification_id=row.id)
    services.fail_verification(verification_id=row.id, error=AssentError("unreadable_audio", "No."))
    row.refresh_from_db()
    assert row.error["code"] == "unreadable_audio"
    assert Entry.objects.get(event="verification.queried").content["data"]["code"] == "unreadable_audio"


def test_the_database_refuses_an_answer_without_its_entry():
    row = ask()
    with pytest.raises(IntegrityError), transaction.atomic():
        Verification.objects.filter(id=row.id).update(state="done", report={"verdict": "issued"})


def test_a_full_queue_refuses_and_keeps_nothing(settings):
    settings.ASSENT_CHECKS_QUEUE_LIMIT = 1
    ask()
    with pytest.raises(Unavailable) as full:
        ask()
    assert full.value.code == "checks_busy"
    assert len(default_storage.listdir(uploads.FOLDER)[1]) == 1


def test_lost_queries_are_asked_again_and_then_given_up():
    row = ask()
    for _ in range(services.MAX_ATTEMPTS):
        assert services.begin_verification(verification_id=row.id) is not None
        Verification.objects.filter(id=row.id).update(heartbeat_at=timezone.now() - timedelta(hours=1))
        services.reap_verifications()
    row.refresh_from_db()
    assert row.state == Verification.State.FAILED
    assert row.error["code"] == "verification_lost"


def test_old_answers_are_forgotten_and_the_log_is_not():
    row = ask()
    services.begin_verification(verification_id=row.id)
    services.complete_verification(verification_id=row.id, report={"verdict": "no_watermark"})
    assert services.sweep_verifications() == 0
    Verification.objects.filter(id=row.id).update(finished_at=timezone.now() - timedelta(days=31))
    assert services.sweep_verifications() == 1
    assert Entry.objects.filter(event="verification.queried").count() == 1


def test_epochs_rotate_by_command_and_by_the_audio_marked(settings):
    first = services.current_epoch()
    assert services.current_epoch() == first
    MarkEpoch.objects.filter(name=first.name).update(marked_ms=settings.ASSENT_MARK_EPOCH_MINUTES * 60_000)
    second = services.current_epoch()
    assert second != first
    third = services.rotate_epoch(expected=second)
    assert third != second
    # Whoever comes late with an old view gets the epoch that is open now.
    assert services.rotate_epoch(expected=first) == third
    assert MarkEpoch.objects.filter(closed_at__isnull=True).count() == 1


def test_an_epoch_that_marked_nothing_is_not_searched():
    from tests import factories
    from watermark import selectors

    principal = factories.owner_principal()
    consent = factories.consented_voice(principal).consents.get()

    def reserve():
        return services.reserve_mark(
            organisation=principal.organisation, consent=consent, engine_name="test", engine_version="1",
            is_preview=True, layers=["keyed"],
        )  # fmt: skip

    first = reserve().epoch
    empty = services.rotate_epoch(expected=first)
    third = services.rotate_epoch(expected=empty)
    assert selectors.readable_epochs() == [first.name]
    # Reserved is enough: a file may have been marked although its release failed.
    assert reserve().epoch_id == third.name
    assert selectors.readable_epochs() == [third.name, first.name]
