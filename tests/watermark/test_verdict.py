"""What a mark proves and what it does not: the verdict over measured findings, without any audio."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watermark.reading.findings import Findings, Interval, RecordFinding
from watermark.reading.spans import subtract
from watermark.reading.verdict import Verdict, decide
from watermark.sentences import SENTENCES


def ours(record, *spans, duration=None, kind="ours", known=True, in_order=True):
    intervals = tuple(Interval(a, b, kind, record) for a, b in spans)
    total = sum(b - a for a, b in spans) if duration is None else duration
    return RecordFinding(record, known, total, in_order, intervals)


def findings(duration, *records, active=None, **more):
    return Findings(duration, active or ((0.0, duration),), tuple(records), **more)


def test_whole_output_is_issued():
    decision = decide(findings(10.0, ours(7, (0.0, 10.0))))
    assert decision.verdict is Verdict.ISSUED
    assert decision.records == (7,)


def test_codec_padding_is_no_edit():
    assert decide(findings(10.2, ours(7, (0.05, 10.1), duration=10.0))).verdict is Verdict.ISSUED


def test_a_cut_piece_is_edited():
    decision = decide(findings(4.0, ours(7, (0.0, 4.0), duration=10.0)))
    assert decision.verdict is Verdict.ISSUED_EDITED
    assert "length_changed" in decision.reasons


def test_altered_seconds_are_named():
    record = RecordFinding(
        7,
        True,
        10.0,
        True,
        (Interval(0, 6, "ours", 7), Interval(6, 8, "altered", 7), Interval(8, 10, "ours", 7)),
    )
    decision = decide(findings(10.0, record))
    assert decision.verdict is Verdict.ISSUED_EDITED
    assert [(i.start_s, i.end_s) for i in decision.intervals if i.kind == "altered"] == [(6, 8)]


def test_changed_order_is_edited():
    assert decide(findings(10.0, ours(7, (0, 10), in_order=False))).verdict is Verdict.ISSUED_EDITED


def test_foreign_speech_around_ours_is_partial():
    decision = decide(findings(20.0, ours(7, (5.0, 15.0))))
    assert decision.verdict is Verdict.PARTIAL
    assert [(i.start_s, i.end_s) for i in decision.intervals if i.kind == "unmarked"] == [
        (0.0, 5.0),
        (15.0, 20.0),
    ]


def test_several_records_are_mixed():
    decision = decide(findings(20.0, ours(7, (0, 10)), ours(8, (10, 20))))
    assert decision.verdict is Verdict.MIXED_RECORDS
    assert decision.records == (7, 8)


def test_a_copied_mark_is_transplanted_never_issued():
    decision = decide(findings(10.0, ours(7, (0, 10), kind="altered")))
    assert decision.verdict is Verdict.TRANSPLANTED
    assert decision.records == (7,)


def test_a_chance_agreement_within_a_copied_mark_is_still_transplanted():
    record = RecordFinding(7, True, 10.0, True, (Interval(4.0, 5.5, "ours", 7),), covered=0.1, word_s=6.0)
    assert decide(findings(10.0, record)).verdict is Verdict.TRANSPLANTED


def outline(record, *, bound, seconds=8.0):
    """A record whose sound agrees as a copied residual does: in outline only."""
    return RecordFinding(
        record, True, 10.0, True, (Interval(0.0, seconds, "unclear", record),), word_s=seconds, bound=bound
    )


def test_a_residual_copy_with_our_outline_is_transplanted_where_the_mark_follows_other_sound():
    decision = decide(findings(10.0, outline(7, bound=False)))
    assert (decision.verdict, decision.reasons) == (Verdict.TRANSPLANTED, ("mark_follows_other_sound",))
    assert decision.records == (7,)
    assert {i.kind for i in decision.intervals} == {"altered"}


def test_our_disturbed_speech_is_not_accused():
    """Noise, rooms: agreement in outline, but the mark follows its sound. Nothing is claimed either way."""
    decision = decide(findings(10.0, outline(7, bound=True)))
    assert (decision.verdict, decision.reasons) == (Verdict.UNVERIFIED_MARK, ("content_unclear",))
    # Nor is what agrees beyond doubt, whatever became of the mark.
    record = RecordFinding(7, True, 10.0, True, (Interval(0.0, 10.0, "ours", 7),), word_s=10.0, bound=False)
    assert decide(findings(10.0, record)).verdict is Verdict.ISSUED
    # One record that is merely disturbed, beside one that was moved here: the doubt is for both.
    assert decide(findings(20.0, outline(7, bound=False), outline(8, bound=True))).verdict is (
        Verdict.UNVERIFIED_MARK
    )


def test_an_unknown_record_claims_nothing():
    decision = decide(findings(10.0, ours(7, (0, 10), kind="altered", known=False)))
    assert decision.verdict is Verdict.UNVERIFIED_MARK
    assert decision.records == ()


def test_traces_without_a_word():
    assert decide(findings(10.0, mark_present=True)).verdict is Verdict.UNVERIFIED_MARK


def test_the_public_mark_alone():
    decision = decide(findings(10.0, public_present=True, public_intervals=((1.0, 4.0),)))
    assert decision.verdict is Verdict.FOREIGN_WATERMARK


def test_absence_needs_three_seconds():
    assert decide(findings(10.0)).verdict is Verdict.NO_WATERMARK
    assert decide(findings(2.0)).verdict is Verdict.INCONCLUSIVE
    assert decide(Findings(30.0, active=())).verdict is Verdict.INCONCLUSIVE


def test_no_sentence_says_genuine():
    for verdict in Verdict:
        assert set(SENTENCES[verdict]) == {"en", "zh-hans"}
        assert "genuine" not in SENTENCES[verdict]["en"].lower()
    assert "does not mean" in SENTENCES[Verdict.NO_WATERMARK]["en"]


spans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 10)).map(lambda t: (float(t[0]), float(t[0] + t[1]))),
    max_size=6,
)


def covered(rows, at):
    return any(a <= at < b for a, b in rows)


@given(spans, spans)
def test_subtract_is_set_difference(whole, holes):
    rest = subtract(whole, holes)
    for tick in range(120):
        at = tick / 2 + 0.25
        assert covered(rest, at) == (covered(whole, at) and not covered(holes, at))


records = st.builds(
    RecordFinding,
    st.integers(1, 3),
    st.booleans(),
    st.floats(0, 20),
    st.booleans(),
    st.lists(
        st.builds(
            Interval,
            st.floats(0, 10),
            st.floats(10, 20),
            st.sampled_from(["ours", "altered"]),
            st.integers(1, 3),
        ),
        max_size=4,
    ).map(tuple),
)


@given(st.lists(records, max_size=3), st.booleans(), st.booleans(), st.floats(0, 30))
def test_ours_is_only_said_of_matching_content(found, present, public, duration):
    decision = decide(
        Findings(duration, ((0.0, duration),), tuple(found), mark_present=present, public_present=public)
    )
    says_ours = decision.verdict in (
        Verdict.ISSUED, Verdict.ISSUED_EDITED, Verdict.PARTIAL, Verdict.MIXED_RECORDS
    )  # fmt: skip
    assert says_ours == any(r.content_matches for r in found)
    if decision.verdict is Verdict.ISSUED:
        assert all(r.known for r in found if r.record_number in decision.records)
