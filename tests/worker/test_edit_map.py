"""The map of an edited file: which seconds are ours, altered, foreign; channel by channel; every record named."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worker.registry import RATE_HZ, Registry, report_on, speech

pytestmark = pytest.mark.django_db
WITHIN_S = 0.5


@pytest.fixture
def registry() -> Registry:
    return Registry()


def not_ours(said: dict) -> list[tuple[float, float]]:
    """Stretches of more than half a second that are not called ours."""
    ours = sorted((i["start_s"], i["end_s"]) for i in said["intervals"] if i["kind"] == "ours")
    edges = [0.0, *(edge for span in ours for edge in span), said["file"]["duration_s"]]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 0.5]


def near(found: tuple[float, float], start_s: float, end_s: float) -> bool:
    return abs(found[0] - start_s) <= WITHIN_S and abs(found[1] - end_s) <= WITHIN_S


def at(seconds: float) -> int:
    return round(seconds * RATE_HZ)


def test_replaced_seconds_are_where_they_were_replaced(registry):
    ours = registry.release(length_s=10.0)
    changed = ours.samples.copy()
    changed[at(4) : at(6)] = speech("rms", "cheerful", 10.0)[at(4) : at(6)]
    said = report_on(changed)
    assert said["verdict"] in ("issued_edited", "partial")
    (told,) = not_ours(said)
    assert near(told, 4, 6), said["intervals"]


def test_silenced_seconds_are_left_out_of_what_is_ours(registry):
    ours = registry.release(length_s=10.0)
    changed = ours.samples.copy()
    changed[at(4) : at(6)] = 0
    said = report_on(changed)
    assert said["verdict"] == "issued_edited"
    assert "sound_silenced" in said["reasons"]


def test_speech_put_in_between_is_where_it_was_put(registry):
    ours = registry.release(length_s=10.0)
    theirs = speech("rms", "cheerful", 3.0)
    said = report_on(np.concatenate([ours.samples[: at(5)], theirs, ours.samples[at(5) :]]))
    assert said["verdict"] in ("partial", "issued_edited")
    (told,) = not_ours(said)
    assert near(told, 5, 8), said["intervals"]


def test_each_record_of_a_joined_file_has_its_own_seconds(registry):
    first, second = registry.release("slt", length_s=7.0), registry.release("awb", length_s=7.0)
    said = report_on(np.concatenate([first.samples, second.samples]))
    assert {record["record_id"] for record in said["records"]} == {first.id, second.id}
    for record, start_s in ((first, 0.0), (second, 7.0)):
        own = [i for i in said["intervals"] if i["record_id"] == record.id and i["kind"] == "ours"]
        assert near((own[0]["start_s"], own[-1]["end_s"]), start_s, start_s + 7.0), own


def test_two_records_in_two_channels_are_both_named(registry):
    first, second = registry.release("slt"), registry.release("awb")
    said = report_on(first.samples, second.samples)
    assert said["verdict"] == "mixed_records"
    assert {record["record_id"] for record in said["records"]} == {first.id, second.id}
    by_channel = {
        lane["channel"]: {i["record_id"] for i in lane["intervals"] if i["record_id"]}
        for lane in said["lanes"]
    }
    assert by_channel == {0: {first.id}, 1: {second.id}}


def test_other_speech_in_the_second_channel_is_shown_there(registry):
    ours = registry.release()
    said = report_on(ours.samples, speech("rms"))
    assert said["verdict"] == "partial"
    assert {(i["kind"], i["channel"]) for i in said["intervals"]} == {("ours", 0), ("unmarked", 1)}


def test_channels_that_are_alike_are_one(registry):
    ours = registry.release()
    said = report_on(ours.samples, ours.samples)
    assert (said["verdict"], said["lanes"]) == ("issued", [])
    assert {i["channel"] for i in said["intervals"]} == {None}
