"""The public pages: drop a file, read the verdict, keep its report, check a report. The rules are in `services`."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from synth.errors import AssentError
from synth.portal.refusals import page, show
from watermark import issued_reports, reports, selectors, services
from watermark.callers import caller_of
from watermark.models import Verification
from watermark.passages import passages
from watermark.pictures import map_of
from watermark.sentences import CONSENT_SENTENCES
from watermark.wording import (
    CONTRADICTIONS,
    FAULTS,
    HEARD,
    IN_WORDS,
    INTERVALS,
    LAYER_STATES,
    LAYERS,
    MANIFEST_STATES,
    REASONS,
    SOURCE_TYPES,
    STAGES,
    VERDICTS,
)


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The drop zone; a posted file is queued and its answer's page follows."""
    caller = caller_of(request)
    shown = {"is_known": caller.is_known}
    if request.method != "POST":
        return render(request, "watermark/verify.html", shown)
    try:
        caller.count()
        file = request.FILES.get("file")
        if file is None:
            raise AssentError("file_missing", "Choose an audio file first.")
        row = services.submit_verification(
            file=file,
            actor=caller.actor,
            organisation_id=caller.organisation_id,
            deep="deep" in request.POST,
            quick="quick" in request.POST,
        )
    except AssentError as error:
        return show(request, "watermark/verify.html", shown, refusal=error)
    return redirect("watermark:verdict", verification_id=row.pk)


@require_safe
@page
def verdict(request: HttpRequest, verification_id: UUID) -> HttpResponse:
    """How far a query has come, or its verdict. With the header X-Fragment only the answer itself."""
    row = selectors.verification(verification_id)
    template = "watermark/answer.html" if request.headers.get("X-Fragment") else "watermark/verdict.html"
    said = passages(row, caller_of(request).principal)
    response = render(
        request, template, {"query": row, "in_words": [_in_words(one) for one in said], **_shown(row)}
    )
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@page
def cancel(request: HttpRequest, verification_id: UUID) -> HttpResponse:
    """Stop a query that is no longer wanted."""
    services.cancel_verification(verification_id=verification_id)
    return redirect("watermark:verdict", verification_id=verification_id)


@require_safe
@page
def report(request: HttpRequest, verification_id: UUID) -> HttpResponse:
    """The signed report laid out for paper."""
    row = selectors.verification(verification_id)
    envelope = issued_reports.signed(row)
    shown = _shown(row)
    said = envelope["report"]
    drawn = map_of(said, shown["report"]["waveform"])
    language = get_language() or "en"
    figures = [{**figure, "words": figure["zh" if language.startswith("zh") else "en"]}
               for figure in said["detector"]["figures"]]  # fmt: skip
    response = render(
        request,
        "watermark/report.html",
        {
            **shown,
            "query": row,
            "said": said,
            "drawn": drawn,
            "figures": figures,
            "sha256": reports.sha256_of(said),
            "envelope": envelope,
            "vkey": issued_reports.verifier().vkey,
        },
    )
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def check_report(request: HttpRequest) -> HttpResponse:
    """Paste or choose a report file; the page says whether it is ours and unaltered."""
    shown: dict[str, Any] = {}
    refusal = None
    if request.method == "POST":
        try:
            issued_reports.count_check(caller_of(request).subject)
            shown = _judged(_presented(request))
        except AssentError as error:
            refusal = error
    return show(request, "watermark/check_report.html", shown, refusal=refusal)


def _presented(request: HttpRequest) -> Any:
    """The report file that a form brings, parsed."""
    file = request.FILES.get("file")
    if file is not None:
        issued_reports.refuse_too_long(file.size or 0)
        data = file.read()
    else:
        data = request.POST.get("text", "").strip().encode("utf-8", "replace")
        issued_reports.refuse_too_long(len(data))
    if not data:
        raise AssentError("report_missing", "Paste a report, or choose its file.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise AssentError("report_malformed", "This is not a report of this service.") from error


def _judged(envelope: Any) -> dict[str, Any]:
    found = issued_reports.judged(envelope)
    said = found["report"]
    if said is None:
        return {"found": found, "faults": [FAULTS[fault] for fault in found["faults"]]}
    return {
        "found": found,
        "said": said,
        "words": VERDICTS[said["verdict"]],
        "sentence": _in_language(said["sentence"]),
        "today": [
            {**row, "means": _in_language(CONSENT_SENTENCES[row["consent"]])}
            for row in found["records_today"]
        ],
    }


def _in_language(sentences: dict[str, str]) -> str:
    return sentences.get(get_language() or "en") or sentences["en"]


def _shown(row: Verification) -> dict[str, Any]:
    """What the templates show of a query, in the reader's language."""
    if row.state != Verification.State.DONE or not row.report:
        return {"stage": STAGES.get(row.stage, STAGES[""])}
    report = row.report
    lanes = report.get("lanes", [])
    kinds = sorted({interval["kind"] for interval in report["intervals"]}, key=list(INTERVALS).index)
    manifest = report.get("manifest")
    return {
        "report": report,
        "words": VERDICTS[report["verdict"]],
        "sentence": _in_language(report["sentence"]),
        "reasons": [REASONS.get(code, code) for code in report["reasons"] if code not in CONTRADICTIONS],
        "contradictions": [REASONS[code] for code in report["reasons"] if code in CONTRADICTIONS],
        "intervals": [_passage(one) for one in report["intervals"]],
        "drawn_intervals": _drawn(report, lanes),
        "lanes": lanes,
        "tracks": _tracks(report),
        "key": [INTERVALS[kind] for kind in kinds],
        "records": [_record(record) for record in report["records"]],
        "manifest": manifest,
        "manifest_state": MANIFEST_STATES[manifest.get("state", "unchecked")] if manifest else "",
        "manifest_says": [SOURCE_TYPES.get(kind, kind) for kind in manifest["source_types"]]
        if manifest
        else [],
        "layers": [
            (LAYERS.get(name, name), LAYER_STATES.get(state, state))
            for name, state in report["layers"].items()
        ],
        "evidence": report.get("evidence"),
    }


def _tracks(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Whose channels are whose, counted from 1, where a file plays several tracks."""
    return [
        {
            **one,
            "number": one["track"] + 1,
            "channel_numbers": ", ".join(str(channel + 1) for channel in one["channels"]),
        }
        for one in report["file"].get("tracks", [])
    ]


def _passage(interval: dict[str, Any]) -> dict[str, Any]:
    label, kind = INTERVALS[interval["kind"]]
    channel = interval.get("channel")
    return {
        **interval,
        "label": label,
        "kind": kind,
        "channel_number": None if channel is None else channel + 1,
    }


def _drawn(report: dict[str, Any], lanes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Intervals for the picture: where channels differ, each in the lane of its channel."""
    if not lanes:
        return [_plain(one) for one in report["intervals"]]
    rest = [_plain(one) for one in report["intervals"] if one["kind"] in ("public", "unsearched")]
    return rest + [
        {**_plain(one), "lane": place, "lanes": len(lanes)}
        for place, lane in enumerate(lanes)
        for one in lane["intervals"]
    ]


def _in_words(passage: dict[str, Any]) -> dict[str, Any]:
    """A passage that is not as released, with the sentences about its words."""
    sentences = [IN_WORDS[passage["kind"]] % passage] if passage["released"] else []
    if passage["heard"]:
        sentences.append(HEARD % passage)
    return {**passage, "sentences": sentences}


def _plain(interval: dict[str, Any]) -> dict[str, Any]:
    label, kind = INTERVALS[interval["kind"]]
    return {"start_s": interval["start_s"], "end_s": interval["end_s"], "kind": kind, "label": str(label)}


def _record(record: dict[str, Any]) -> dict[str, Any]:
    means = [_in_language(CONSENT_SENTENCES[record["consent"]])]
    if record.get("taken_down"):
        means.append(_in_language(CONSENT_SENTENCES["taken_down"]))
    has_manifest = selectors.manifest(UUID(record["record_id"])) is not None
    return {**record, "means": means, "has_manifest": has_manifest}
