"""What a file says of itself against what was heard: every contradiction has its flag, and agreement has none."""

from __future__ import annotations

import pytest
from django.db import transaction

from audit.services import record
from synth.provenance.aigc import AigcLabel
from synth.provenance.c2pa import Manifest
from tests import factories
from watermark import services
from watermark.models import Mark
from watermark.provenance import Claims, contradictions
from watermark.wording import CONTRADICTIONS, REASONS

pytestmark = pytest.mark.django_db


@pytest.fixture
def marks() -> list[Mark]:
    owner = factories.owner_principal()
    consent = factories.consented_voice(owner).consents.get()
    made = []
    for number in range(2):
        mark = services.reserve_mark(
            organisation=owner.organisation,
            consent=consent,
            engine_name="test",
            engine_version="1",
            is_preview=True,
            layers=["keyed"],
        )
        with transaction.atomic():
            entry = record(
                event="synthesis.completed", actor=owner.actor, data={"output_sha256": f"{number}" * 64}
            )
            made.append(
                services.issue_mark(
                    mark=mark,
                    entry=entry,
                    file_sha256=f"{number}" * 64,
                    duration_ms=1,
                    fingerprint=b"-",
                    reference=b"-",
                    layers=["keyed"],
                    manifest=b"test",
                )
            )
    return made


def label(name: object) -> AigcLabel:
    return AigcLabel("1", "Somebody", str(name))


def manifest(kind: str = "trainedAlgorithmicMedia", *names: object) -> Manifest:
    return Manifest("Somebody 1", (kind,), tuple(("org.example.mark", str(name)) for name in names))


def test_agreement_has_no_flag(marks):
    ours, _ = marks
    assert contradictions(Claims(label(ours.public_id), None), [ours]) == []
    assert (
        contradictions(
            Claims(label(ours.public_id), manifest("trainedAlgorithmicMedia", ours.public_id)), [ours]
        )
        == []
    )
    assert contradictions(Claims(None, None), []) == []
    assert contradictions(Claims(None, manifest("digitalCapture")), []) == []


def test_a_label_against_the_mark(marks):
    ours, other = marks
    assert contradictions(Claims(None, None), [ours]) == ["label_missing"]
    assert contradictions(Claims(label("somebody's number"), None), []) == ["label_without_mark"]
    assert contradictions(Claims(label(ours.public_id), None), []) == ["label_names_record_without_mark"]
    assert contradictions(Claims(label(other.public_id), None), [ours]) == ["label_names_another_record"]
    assert contradictions(Claims(label(other.public_id), None), [ours, other]) == []


def test_a_manifest_against_the_mark(marks):
    ours, other = marks
    fits = label(ours.public_id)
    assert contradictions(Claims(fits, manifest("digitalCapture")), [ours]) == ["manifest_says_recorded"]
    named = manifest("trainedAlgorithmicMedia", other.public_id)
    assert contradictions(Claims(fits, named), [ours]) == ["manifest_names_another_record"]
    assert contradictions(Claims(None, named), []) == [
        "manifest_names_record_without_mark",
        "manifest_without_mark",
    ]
    assert contradictions(Claims(None, manifest()), []) == ["manifest_without_mark"]
    assert contradictions(Claims(fits, Manifest(readable=False)), [ours]) == ["manifest_unreadable"]


def test_names_that_are_none_of_ours_are_no_contradiction(marks):
    ours, _ = marks
    foreign = manifest(
        "trainedAlgorithmicMedia", "0192f000-0000-7000-8000-000000000001", "not an id", "\u2026"
    )
    assert contradictions(Claims(label(ours.public_id), foreign), [ours]) == []


def test_every_flag_has_its_words():
    assert REASONS.keys() >= CONTRADICTIONS
    assert {"label_missing", "label_names_record_without_mark", "manifest_says_recorded"} <= CONTRADICTIONS
