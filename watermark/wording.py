"""The words and colours in which the page shows a verdict. What it means is said by `sentences.SENTENCES`."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from watermark.reading.verdict import Verdict


@dataclass(frozen=True)
class VerdictWords:
    """Heading, colour ("ok", "warn", "bad", "info") and icon of a verdict."""

    title: Promise
    kind: str
    icon: str


VERDICTS: dict[str, VerdictWords] = {
    Verdict.ISSUED: VerdictWords(_("Issued here, content unchanged"), "ok", "check"),
    Verdict.ISSUED_DISTURBED: VerdictWords(_("Issued here, too disturbed to compare"), "warn", "question"),
    Verdict.ISSUED_EDITED: VerdictWords(_("Issued here, then changed"), "warn", "alert"),
    Verdict.PARTIAL: VerdictWords(_("Partly issued here"), "warn", "alert"),
    Verdict.MIXED_RECORDS: VerdictWords(_("Joined from several of our files"), "warn", "alert"),
    Verdict.TRANSPLANTED: VerdictWords(_("Our mark on other sound"), "bad", "x"),
    Verdict.UNVERIFIED_MARK: VerdictWords(_("A mark, but too little to vouch for"), "warn", "question"),
    Verdict.FOREIGN_WATERMARK: VerdictWords(_("A public watermark, not ours"), "info", "info"),
    Verdict.NO_WATERMARK: VerdictWords(_("No mark of ours found"), "info", "question"),
    Verdict.INCONCLUSIVE: VerdictWords(_("Too little to say anything"), "info", "question"),
}

# Kind of interval -> (words, colour on the waveform).
INTERVALS: dict[str, tuple[Promise, str]] = {
    "ours": (_("Matches our record"), "ok"),
    "altered": (_("Marked, but the sound differs"), "bad"),
    "silenced": (_("Silenced: our sound is missing"), "bad"),
    "changed": (_("Not as released"), "bad"),
    "put_in": (_("Put in between"), "bad"),
    "cut": (_("A joint: something was cut out"), "bad"),
    "moved": (_("Ours, from another place"), "bad"),
    "outline": (_("Ours, not compared word by word"), "dim"),
    "unclear": (_("Marked, too disturbed to compare"), "dim"),
    "unmarked": (_("Sound without our mark"), "warn"),
    "public": (_("Public mark only"), "info"),
    "unsearched": (_("Not searched"), "plain"),
}

# Kind of passage -> what became of the words that the record has there.
IN_WORDS: dict[str, Promise] = {
    "silenced": _("“%(released)s” is silenced."),
    "changed": _("“%(released)s” is not as released."),
    "put_in": _("At “%(released)s” something was put in."),
    "cut": _("“%(released)s” was cut out."),
    "moved": _("“%(released)s” is ours, but from another place."),
}
HEARD = _("The recogniser hears “%(heard)s” there; of a single word it is often wrong.")

REASONS: dict[str, Promise] = {
    "content_differs_from_record": _("The sound is not what was issued under this mark."),
    "mark_follows_other_sound": _(
        "Part of a mark follows the sound it was made for. In this one it does not follow what is heard."
    ),
    "record_unknown": _("A code word was read, but this service never issued it."),
    "mark_unreadable": _("A mark is present, but its code word cannot be read."),
    "too_short_or_quiet": _("There is less than one second of sound."),
    "too_short_for_absence": _("Below three seconds of sound, a missing mark proves nothing."),
    "public_mark_only": _(
        "Only the public mark was found, which anybody can add and some music resembles: it decides nothing."
    ),
    "public_mark_of_another": _("The public mark in it carries another message than ours."),
    "speed_not_searched": _("It was not searched for changed speed or pitch."),
    "decoders_disagree": _(
        "Two decoders play this file differently: it may sound otherwise elsewhere. What either plays was examined."
    ),
    "track_unreadable": _("A track in it could not be decoded. About that track we say nothing."),
    "passage_of_another_record": _("A passage in it comes from another file of ours, which the map names."),
    "too_little_to_compare": _("There is too little of the marked sound to compare it with our record."),
    "too_disturbed": _("It differs from our record everywhere, too much to compare single words."),
    "compared_in_outline": _(
        "The record is from before sounds were kept for comparison: it was compared in outline, not word by word."
    ),
    "sound_silenced": _("Some of our sound was silenced."),
    "sound_put_in": _("Sound was put in between ours."),
    "parts_cut": _("Something was cut out; the joints are shown."),
    "searched_nothing_found": _("The whole file was searched, and nothing was found."),
    "several_records": _("Passages of more than one of our files were found."),
    "sound_without_our_mark": _("There is sound in it that carries no mark of ours."),
    "content_unclear": _(
        "Marked sound agrees with our record no better than other sound could that has the outline of ours in it."
    ),
    "speed_or_pitch_changed": _("It was sped up, slowed down or shifted in pitch."),
    "content_altered": _("Some of the marked sound no longer matches our record."),
    "length_changed": _("It is longer or shorter than what was issued."),
    "order_changed": _("Its passages come in another order than in what was issued."),
    "further_mark_does_not_match": _("A further mark in it does not match the sound that carries it."),
    "label_missing": _("The label of the file is missing; the mark is not."),
    "label_without_mark": _("The file carries a label of synthetic speech, but no mark of ours."),
    "label_names_another_record": _("The label names another record than the mark does."),
    "label_names_record_without_mark": _("The label names a record of ours, but no mark of ours was found."),
    "manifest_does_not_fit": _(
        "The C2PA manifest does not fit this sound: it was changed after signing, or the manifest is another file's."
    ),
    "manifest_signature_invalid": _("The signature of the C2PA manifest does not hold."),
    "manifest_unreadable": _("The file carries a C2PA manifest that cannot be read."),
    "manifest_names_another_record": _("The C2PA manifest names another record than the mark does."),
    "manifest_names_record_without_mark": _(
        "The C2PA manifest names a record of ours, but no mark of ours was found."
    ),
    "manifest_says_recorded": _("The C2PA manifest says that this was recorded, but it carries our mark."),
    "manifest_without_mark": _(
        "The C2PA manifest says that this is synthetic, but no mark of ours was found."
    ),
    "stream_ended_by_owner": _("It was heard while it was made, until the voice's owner ended the stream."),
    "stream_ended_by_caller": _("It was heard while it was made, until its listener ended the stream."),
    "stream_ended_by_failure": _("It was heard while it was made, until the stream broke off."),
    "stream_running": _("It is a beginning: the rest is still being made."),
    "same_bytes": _("These are the very bytes that were released."),
    "rest_not_searched": _("The search ended at the first passage that is certainly ours."),
}

# Two claims that do not fit together; shown apart from the reasons of the verdict.
CONTRADICTIONS = frozenset(code for code in REASONS if code.startswith(("label_", "manifest_")))

MANIFEST_STATES: dict[str, Promise] = {
    "trusted": _("signed and unaltered"),
    "valid": _("unaltered since it was signed; signer unknown here"),
    "altered": _("does not fit this sound"),
    "invalid": _("its signature does not hold"),
    "unchecked": _("unchecked: its claim only"),
}

STAGES: dict[str, Promise] = {
    "": _("Reading the whole file. This takes some seconds."),
    "decoding": _("Decoding the file"),
    "listening": _("Listening for sound"),
    "searching": _("Searching for the mark"),
    "comparing": _("Comparing with the record"),
    "public mark": _("Searching for the public mark"),
    "deciding": _("Deciding"),
}

SOURCE_TYPES: dict[str, Promise] = {
    "trainedAlgorithmicMedia": _("made by a trained model"),
    "compositeWithTrainedAlgorithmicMedia": _("made partly by a trained model"),
    "algorithmicMedia": _("made by a program"),
    "compositeSynthetic": _("composed with synthetic parts"),
    "digitalCapture": _("recorded by a device"),
    "computationalCapture": _("recorded by a device"),
    "humanEdits": _("edited by a person"),
}

FAULTS: dict[str, Promise] = {
    "signature_invalid": _("The signature is not by this service, or not over this report."),
    "report_altered": _("The report was changed after it was signed."),
    "proof_invalid": _("The proof that comes with it is not one of this log."),
    "proof_of_another": _("The proof that comes with it belongs to another report."),
}

LAYERS: dict[str, Promise] = {"keyed": _("Keyed mark"), "public": _("Public mark")}

LAYER_STATES: dict[str, Promise] = {
    "read": _("read"),
    "traces": _("traces only"),
    "found": _("found"),
    "not found": _("not found"),
    "not searched": _("not searched"),
}
