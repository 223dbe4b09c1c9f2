"""What a mark proves and what it does not: the verdict over measured findings, without any audio."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermark.reading.findings import Compared, Findings, Interval, RecordFinding, without_chance
from watermark.reading.spans import subtract
from watermark.reading.verdict import Verdict, decide
from watermark.sentences import SENTENCES, sentence_of


def ours(record, *spans, duration=None, kind="ours", known=True, in_order=True):
    intervals = tuple(Interval(a, b, kind, record) for a, b in spans)
    total = sum(b - a for a, b in spans) if duration is None else duration
    loud = sum(b - a for a, b in spans)
    agreeing = 0.0 if kind == "altered" else loud
    return RecordFinding(record, known, total, in_order, intervals, loud_s=loud, loud_ours_s=agreeing)


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


@pytest.mark.parametrize(
    ("moment", "others", "kept"),
    [
        ((3.0, 3.4), [ours(8, (2.0, 5.0))], False),
        ((3.0, 3.6), [ours(8, (2.0, 5.0))], True),
        ((3.0, 3.4), [ours(8, (2.5, 4.0))], True),
        ((3.0, 3.4), [ours(8, (3.2, 9.0))], True),
        ((3.0, 3.4), [ours(8, (2.0, 5.0), kind="unclear")], True),
        ((3.0, 3.4), [], True),
    ],
    ids=["chance", "too long", "too little around", "not inside", "not vouched for", "alone"],
)
def test_a_moment_inside_another_record_agrees_by_chance(moment, others, kept):
    finding = without_chance(ours(7, (0.0, 1.5), moment), others)
    assert [(i.start_s, i.end_s) for i in finding.intervals] == [(0.0, 1.5), *([moment] if kept else [])]


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
    record = RecordFinding(
        7,
        True,
        10.0,
        True,
        (Interval(4.0, 5.5, "ours", 7),),
        covered=0.1,
        word_s=6.0,
        loud_s=6.0,
        loud_ours_s=1.5,
    )
    assert decide(findings(10.0, record)).verdict is Verdict.TRANSPLANTED


def test_a_mark_heard_in_the_pauses_of_its_host_does_not_make_the_host_ours():
    """Most seconds agree with the record; none of the loud ones does."""
    record = RecordFinding(
        7,
        True,
        10.0,
        True,
        (Interval(0.0, 7.0, "ours", 7),),
        word_s=10.0,
        bound=False,
        loud_s=3.0,
        loud_ours_s=0.2,
    )
    decision = decide(findings(10.0, record))
    assert (decision.verdict, decision.reasons) == (Verdict.TRANSPLANTED, ("mark_follows_other_sound",))


def test_that_a_mark_was_copied_is_said_only_of_sound_of_substance():
    """The word of the mark spreads into the silence around a scrap of our speech: nobody forged anything."""
    record = RecordFinding(
        7, True, 10.0, True, (Interval(4.0, 4.4, "ours", 7),), word_s=0.6, loud_s=0.4, loud_ours_s=0.3
    )
    decision = decide(findings(10.0, record, active=((4.0, 5.5),)))
    assert (decision.verdict, decision.reasons) == (Verdict.INCONCLUSIVE, ("too_little_to_compare",))


def outline(record, *, bound, seconds=8.0):
    """A record whose sound agrees as a copied residual does: in outline only."""
    intervals = (Interval(0.0, seconds, "unclear", record),)
    return RecordFinding(
        record,
        True,
        10.0,
        True,
        intervals,
        word_s=seconds,
        bound=bound,
        loud_s=seconds,
        loud_unclear_s=seconds,
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
    public = {"public_present": True, "public_intervals": ((1.0, 4.0),)}
    decision = decide(findings(10.0, **public))
    assert (decision.verdict, decision.reasons) == (
        Verdict.NO_WATERMARK, ("public_mark_only", "speed_not_searched")
    )  # fmt: skip
    assert [i.kind for i in decision.intervals] == ["public"]
    assert decide(findings(10.0, **public, deep=True)).reasons == ("public_mark_only",)
    # Only a message that is not ours is positively another's.
    assert decide(findings(10.0, **public, public_foreign=True)).verdict is Verdict.FOREIGN_WATERMARK


def words(*intervals, missing_s=0.0, compared=Compared.WORDS, duration=10.0):
    """A record that was compared word by word."""
    return RecordFinding(7, True, duration, True, intervals, compared=compared, missing_s=missing_s)


def test_one_silenced_word_is_enough_for_edited_and_we_vouch_for_the_rest_only():
    decision = decide(
        findings(
            10.0,
            words(Interval(0, 3, "ours", 7), Interval(3, 3.2, "silenced", 7), Interval(3.2, 10, "ours", 7)),
        )
    )
    assert (decision.verdict, decision.reasons) == (Verdict.ISSUED_EDITED, ("sound_silenced",))
    assert [(i.start_s, i.end_s) for i in decision.intervals if i.kind != "ours"] == [(3, 3.2)]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("changed", "content_altered"),
        ("put_in", "sound_put_in"),
        ("cut", "parts_cut"),
        ("moved", "order_changed"),
    ],
)
def test_every_kind_of_edit_is_told(kind, reason):
    edit = Interval(3, 3 if kind == "cut" else 3.2, kind, 7)
    decision = decide(findings(10.0, words(Interval(0, 3, "ours", 7), edit, Interval(3.2, 10, "ours", 7))))
    assert (decision.verdict, decision.reasons) == (Verdict.ISSUED_EDITED, (reason,))


def test_what_is_missing_at_the_ends_is_told():
    decision = decide(findings(9.8, words(Interval(0, 9.8, "ours", 7), missing_s=0.2)))
    assert decision.reasons == ("parts_missing",)
    assert decide(findings(10.0, words(Interval(0, 10, "ours", 7), missing_s=0.1))).verdict is Verdict.ISSUED


@pytest.mark.parametrize(
    ("compared", "reason"),
    [(Compared.DISTURBED, "too_disturbed"), (Compared.RESCALED, "speed_or_pitch_changed")],
)
def test_what_cannot_be_compared_word_by_word_is_neither_accused_nor_vouched_for(compared, reason):
    decision = decide(
        findings(10.4, words(Interval(0, 10.2, "outline", 7), compared=compared, duration=10.2))
    )
    assert (decision.verdict, decision.reasons) == (Verdict.ISSUED_DISTURBED, (reason,))
    assert "no single word" in SENTENCES[decision.verdict]["en"]


def test_a_record_without_its_sound_is_compared_in_outline_and_that_is_said():
    decision = decide(findings(10.0, ours(7, (0.0, 10.0))))
    assert (decision.verdict, decision.reasons) == (Verdict.ISSUED, ("compared_in_outline",))


def test_the_sentence_says_what_could_not_be_compared():
    record = RecordFinding(
        7,
        True,
        10.0,
        True,
        (Interval(0, 10, "ours", 7),),
        compared=Compared.WORDS,
        heard_to_hz=3_411.0,
        under_noise=0.124,
    )
    said = sentence_of(Verdict.ISSUED, record)
    assert "word by word below 3400 Hz" in said["en"]
    assert "12 % of our sound lies under this file's noise" in said["en"]
    assert "3400 Hz" in said["zh-hans"]
    assert "12%" in said["zh-hans"]
    assert sentence_of(Verdict.TRANSPLANTED, record) == SENTENCES[Verdict.TRANSPLANTED]


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
        Verdict.ISSUED, Verdict.ISSUED_DISTURBED, Verdict.ISSUED_EDITED, Verdict.PARTIAL, Verdict.MIXED_RECORDS
    )  # fmt: skip
    assert says_ours == any(r.content_matches for r in found)
    if decision.verdict is Verdict.ISSUED:
        assert all(r.known for r in found if r.record_number in decision.records)
