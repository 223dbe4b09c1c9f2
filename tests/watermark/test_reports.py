"""Signed reports: what is signed, what the log commits to, and that nothing in one can be changed unseen."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from audit import keys as log_keys
from audit.actors import ANONYMOUS
from audit.models import Entry
from benchmarks import figures as measured
from tests.portal.test_verdicts import report as answer_of
from watermark import error_rates, issued_reports, reports, services
from watermark.models import Verification
from watermark.reading.verdict import Verdict
from watermark.sentences import CONSENT_SENTENCES

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture(autouse=True)
def own_log(settings, tmp_path):
    """Each test begins with an empty log."""
    settings.ASSENT_DATA_DIR = tmp_path


@pytest.fixture
def answered() -> Verification:
    row = services.submit_verification(file=SimpleUploadedFile("a.wav", b"sound"), actor=ANONYMOUS)
    assert services.begin_verification(verification_id=row.pk) is not None
    services.complete_verification(verification_id=row.pk, report=answer_of(Verdict.ISSUED_EDITED))
    row.refresh_from_db()
    return row


def placed(row: Verification) -> dict:
    """The report file after the sequencer has placed the entry."""
    call_command("audit_sequencer", once=True, verbosity=0)
    envelope = issued_reports.signed(row)
    assert envelope["log_proof"]
    return envelope


def test_the_log_commits_to_the_very_report_that_is_signed(answered):
    entry = Entry.objects.get(event="verification.queried")
    envelope = issued_reports.signed(answered)
    assert entry.content["data"]["report_sha256"] == reports.sha256_of(envelope["report"])
    found = issued_reports.judged(envelope)
    assert found["valid"] and found["logged"], "the service's own log knows before there is a proof"


def test_a_report_holds_for_whoever_has_only_the_keys(answered):
    envelope = json.loads(json.dumps(placed(answered)))
    found = reports.check(envelope, verifier=issued_reports.verifier(), log_verifier=log_keys.verifier())
    assert (found.valid, found.logged) == (True, True)
    said = found.report
    assert said["verdict"] == "issued_edited"
    assert said["file"]["sha256"] == answered.file_sha256
    assert said["sentence"].keys() == {"en", "zh-hans"}
    assert said["records"][0]["consent_sentence"] == CONSENT_SENTENCES["revoked"]
    assert said["detector"]["figures"] == error_rates.as_rows()


def changes(value, path=()):
    """Every leaf of a JSON value: its path."""
    if isinstance(value, dict):
        for key in value:
            yield from changes(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from changes(item, (*path, index))
    else:
        yield path


def test_no_leaf_of_a_report_can_be_changed(answered):
    envelope = placed(answered)
    verifier, log_verifier = issued_reports.verifier(), log_keys.verifier()
    paths = list(changes(envelope["report"]))
    assert len(paths) > 60
    for path in paths:
        forged = copy.deepcopy(envelope)
        place = forged["report"]
        for step in path[:-1]:
            place = place[step]
        old = place[path[-1]]
        place[path[-1]] = old + 1 if type(old) is int else not old if isinstance(old, bool) else f"{old}x"
        if path == ("format",):
            with pytest.raises(reports.ReportError):
                reports.check(forged, verifier=verifier, log_verifier=log_verifier)
            continue
        found = reports.check(forged, verifier=verifier, log_verifier=log_verifier)
        assert found.faults == ("report_altered", "proof_of_another"), path


def test_added_and_removed_facts_are_seen(answered):
    envelope = issued_reports.signed(answered)
    for change in (
        lambda r: r.pop("reasons"),
        lambda r: r.update(note="genuine"),
        lambda r: r["records"].clear(),
    ):
        forged = copy.deepcopy(envelope)
        change(forged["report"])
        assert issued_reports.judged(forged)["faults"] == ["report_altered"]


def test_a_report_under_another_key_or_none_is_refused(answered):
    from audit.note import Signer

    envelope = issued_reports.signed(answered)
    other = Signer(issued_reports.signer().name, bytes(range(32)))
    envelope["signature"] = reports.sign(envelope["report"], other)
    assert issued_reports.judged(envelope)["faults"] == ["signature_invalid"]
    assert issued_reports.judged(envelope)["report"] is None, "what it says is not repeated"
    envelope["signature"] = ""
    assert issued_reports.judged(envelope)["faults"] == ["signature_invalid"]


def test_the_signature_of_a_receipt_is_none_of_a_report(answered):
    from accounts.consent import receipts

    envelope = issued_reports.signed(answered)
    envelope["signature"] = receipts.sign(envelope["report"]).signature
    assert issued_reports.judged(envelope)["faults"] == ["signature_invalid"]
    assert not receipts.signature_is_valid(envelope["report"], issued_reports.signed(answered)["signature"])


def test_the_proof_of_another_report_is_seen(answered):
    first = placed(answered)
    row = services.submit_verification(file=SimpleUploadedFile("b.wav", b"other sound"), actor=ANONYMOUS)
    services.begin_verification(verification_id=row.pk)
    services.complete_verification(verification_id=row.pk, report=answer_of(Verdict.NO_WATERMARK))
    row.refresh_from_db()
    second = placed(row)
    second["log_proof"] = first["log_proof"]
    assert issued_reports.judged(second)["faults"] == ["proof_of_another"]
    second["log_proof"] = first["log_proof"].replace("index ", "index 1")
    assert issued_reports.judged(second)["faults"] == ["proof_invalid"]


def test_the_command_line_says_the_same(answered, tmp_path):
    envelope = placed(answered)
    (tmp_path / "r.json").write_text(json.dumps(envelope, indent=2, ensure_ascii=False))
    command = [
        sys.executable, "-m", "watermark.reports", str(tmp_path / "r.json"),
        "--vkey", issued_reports.verifier().vkey, "--log-vkey", log_keys.verifier().vkey,
    ]  # fmt: skip
    good = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    assert "issued_edited" in good.stdout and "The log holds it." in good.stdout
    (tmp_path / "speech.wav").write_bytes(b"sound")
    about = subprocess.run(
        [*command, "--file", str(tmp_path / "speech.wav")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert about.returncode == 0, about.stderr
    (tmp_path / "speech.wav").write_bytes(b"another sound")
    assert (
        subprocess.run([*command, "--file", str(tmp_path / "speech.wav")], cwd=ROOT, check=False).returncode
        == 22
    )
    envelope["report"]["verdict"] = "issued"
    (tmp_path / "r.json").write_text(json.dumps(envelope))
    bad = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (bad.returncode, "changed after it was signed" in bad.stderr) == (22, True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**52), 2**52) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(json_values)
def test_the_canonical_form_is_that_of_rfc_8785(value):
    import rfc8785

    try:
        expected = rfc8785.dumps(value)
    except UnicodeError:
        with pytest.raises(reports.ReportError):
            reports.canonical(value)
        return
    assert reports.canonical(value) == expected


@given(st.recursive(json_values | st.floats(), lambda inner: st.lists(inner, max_size=3), max_leaves=6))
def test_anything_presented_is_judged_or_refused(value):
    from audit.note import Signer

    verifier = Signer("a/reports", bytes(32)).verifier
    for envelope in (
        value,
        {"report": value},
        {"report": {"format": reports.FORMAT, "x": value}, "signature": "x"},
    ):
        try:
            assert not reports.check(envelope, verifier=verifier, log_verifier=None).valid
        except reports.ReportError:
            continue


def test_the_figures_of_reports_are_those_that_were_measured():
    """`python -m benchmarks.report` brings them up to date; every benchmark does so by itself."""
    assert json.loads(measured.MEASURED.read_text()) == measured.measured(ROOT / "docs/benchmarks")


@pytest.mark.parametrize("figure", error_rates.FIGURES, ids=lambda figure: figure.test)
def test_no_figure_is_better_than_what_was_measured(figure):
    bench, metric = measured.ROWS[figure.test]
    rows = json.loads((ROOT / f"docs/benchmarks/{bench}.json").read_text())["rows"]
    row = next(row for row in rows if row["metric"] == metric)
    assert figure.trials == row["n"]
    assert figure.alarms / figure.trials == pytest.approx(row["value"], abs=1e-4)
    # No alarm in n tries bounds the rate at 3 / n (95 %).
    assert float(figure.false_alarm_rate) >= max(row["value"], 0.9 * 3 / row["n"])


@pytest.mark.parametrize(
    ("rate", "told"),
    [(3.97e-5, "0.00004"), (0.006, "0.006"), (0.0013, "0.0013"), (0.01, "0.01"), (0.0261, "0.027")],
)
def test_a_rate_is_never_told_smaller_than_it_is(rate, told):
    assert measured.rounded_up(rate) == told
    assert float(told) >= rate
