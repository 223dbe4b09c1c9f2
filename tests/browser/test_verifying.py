"""The verifier's pages in a real browser: an edited file with its seconds drawn where they are, several records, two
channels, contradictions; the report for paper, the report checked; options, cancelling, phone and keyboard."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from synth.audio.decode import DecodeLimits, decode_to_file
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.timeout(900)]
RATE_HZ = 16_000
WITHIN_S = 0.5
ANSWERED_WITHIN_MS = 240_000

SEED = """
import os
os.environ["NO_TORCH_COMPILE"] = "1"
import base64
from tests.worker.registry import Registry
registry = Registry()
files = [registry.release("slt", length_s=10.0), registry.release("awb", "sad", length_s=8.0)]
answer = [{"id": one.id, "data": base64.b64encode(one.data).decode()} for one in files]
"""


@pytest.fixture(scope="module")
def released(service) -> list[tuple[str, np.ndarray, bytes]]:
    """Two files of ours: record id, samples, bytes."""
    out = []
    for row in service.python(SEED):
        data = base64.b64decode(row["data"])
        samples, rate_hz = sf.read(io.BytesIO(data), dtype="float32")
        assert rate_hz == RATE_HZ
        out.append((row["id"], samples, data))
    return out


@pytest.fixture(scope="module")
def foreign() -> np.ndarray:
    from tests import takes

    clip = takes.style_clip("rms", "cheerful").samples
    return np.tile(clip, 3)[: 10 * RATE_HZ].astype(np.float32)


def wav(path: Path, *channels: np.ndarray) -> Path:
    sf.write(path, np.stack(channels, axis=1), RATE_HZ, format="WAV", subtype="PCM_16")
    return path


def asked(person: Visitor, file: Path) -> str:
    """Drop a file; the verdict."""
    page: Any = person.page
    person.go("/verify")
    page.set_input_files("input[type=file]", file)
    page.wait_for_selector("[data-verdict]", timeout=ANSWERED_WITHIN_MS)
    page.wait_for_selector("wave-player canvas")
    page.wait_for_timeout(300)
    return page.get_attribute("[data-verdict]", "data-verdict")


def drawn(person: Visitor) -> list[dict[str, Any]]:
    """The intervals that are drawn over the wave."""
    return json.loads(person.page.get_attribute("wave-player", "data-intervals"))


def told_apart(person: Visitor) -> list[tuple[float, float]]:
    """Stretches of more than half a second that the picture does not colour as ours."""
    end_s = float(person.page.get_attribute("wave-player", "data-duration"))
    ours = sorted((one["start_s"], one["end_s"]) for one in drawn(person) if one["kind"] == "ok")
    edges = [0.0, *(edge for span in ours for edge in span), end_s]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return [(start_s, stop_s) for start_s, stop_s in gaps if stop_s - start_s > 0.5]


# The colour in the middle of a second, at the foot of the picture, where the intervals' bars are.
COLOUR = """(at_s) => {
  const canvas = document.querySelector('wave-player canvas');
  const duration = Number(document.querySelector('wave-player').dataset.duration);
  const x = Math.floor((at_s / duration) * canvas.width);
  return Array.from(canvas.getContext('2d').getImageData(x, canvas.height - 2, 1, 1).data).slice(0, 3).join();
}"""


def test_replaced_seconds_are_highlighted_where_they_are(visitor, released, foreign, tmp_path):
    _, samples, _ = released[0]
    changed = samples.copy()
    changed[4 * RATE_HZ : 6 * RATE_HZ] = foreign[4 * RATE_HZ : 6 * RATE_HZ]
    verdict = asked(visitor, wav(tmp_path / "replaced.wav", changed))
    visitor.picture("verify-replaced")
    assert verdict in ("issued_edited", "partial")
    (span,) = told_apart(visitor)
    assert abs(span[0] - 4) <= WITHIN_S and abs(span[1] - 6) <= WITHIN_S, drawn(visitor)
    ours, altered = (visitor.page.evaluate(COLOUR, at) for at in (2.0, 5.0))
    assert ours != altered, "the two are drawn in different colours"
    assert visitor.page.evaluate(COLOUR, 8.0) == ours
    visitor.check()


# Seconds over which the foot of the picture has the colour that it has at one of them.
SAME_COLOUR = """(at_s) => {
  const canvas = document.querySelector('wave-player canvas');
  const duration = Number(document.querySelector('wave-player').dataset.duration);
  const row = canvas.getContext('2d').getImageData(0, canvas.height - 2, canvas.width, 1).data;
  const colour = (x) => row.slice(4 * x, 4 * x + 3).join();
  const middle = Math.floor((at_s / duration) * canvas.width);
  let [first, last] = [middle, middle];
  while (first > 0 && colour(first - 1) === colour(middle)) first -= 1;
  while (last < canvas.width - 1 && colour(last + 1) === colour(middle)) last += 1;
  return [first, last + 1].map((x) => (x / canvas.width) * duration);
}"""


def test_a_muted_word_is_drawn_where_it_was_within_a_tenth_of_a_second(visitor, released, tmp_path):
    _, samples, _ = released[0]
    level = np.abs(samples).reshape(-1, 320).max(axis=1)
    loud = level > 0.2 * level.max()
    first = next(k for k in range(150, len(loud)) if loud[k : k + 14].all()) * 320
    last = first + 14 * 320  # 0.28 s
    changed = samples.copy()
    changed[first:last] = 0
    assert asked(visitor, wav(tmp_path / "muted.wav", changed)) == "issued_edited"
    visitor.picture("verify-muted-word")
    start_s, end_s = visitor.page.evaluate(SAME_COLOUR, (first + last) / 2 / RATE_HZ)
    assert abs(start_s - first / RATE_HZ) <= 0.1 and abs(end_s - last / RATE_HZ) <= 0.1, (start_s, end_s)
    assert visitor.page.evaluate(COLOUR, (first + last) / 2 / RATE_HZ) != visitor.page.evaluate(COLOUR, 1.0)
    visitor.check()


# Seconds that this browser plays of a file.
PLAYED = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return (await new OfflineAudioContext(1, 1, 48000).decodeAudioData(bytes.buffer)).duration;
}"""


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed")
def test_what_chromium_plays_of_joined_files_is_examined(visitor, released, foreign, tmp_path):
    one, other = wav(tmp_path / "1.wav", released[0][1]), wav(tmp_path / "2.wav", foreign[: 4 * RATE_HZ])
    visitor.go("/verify")
    for codec, suffix in (("libmp3lame", "mp3"), ("libopus", "ogg"), ("flac", "flac"), ("aac", "m4a")):
        parts = []
        for number, file in enumerate((one, other)):
            coded = tmp_path / f"{number}.{suffix}"
            subprocess.run(["ffmpeg", "-v", "error", "-i", file, "-c:a", codec, coded], check=True)
            parts.append(coded.read_bytes())
        (tmp_path / "joined").write_bytes(b"".join(parts))
        played_s = visitor.page.evaluate(PLAYED, base64.b64encode(b"".join(parts)).decode())
        with decode_to_file(tmp_path / "joined", limits=DecodeLimits(), rate_hz=RATE_HZ) as found:
            assert found.duration_s >= played_s - 0.3, (suffix, played_s)


def test_silenced_seconds_are_not_called_ours(visitor, released, tmp_path):
    _, samples, _ = released[0]
    changed = samples.copy()
    changed[4 * RATE_HZ : 6 * RATE_HZ] = 0
    assert asked(visitor, wav(tmp_path / "silenced.wav", changed)) == "issued_edited"
    visitor.picture("verify-silenced")
    visitor.check()


def test_speech_put_in_between_is_highlighted_where_it_is(visitor, released, foreign, tmp_path):
    _, samples, _ = released[0]
    joined = np.concatenate([samples[: 5 * RATE_HZ], foreign[: 3 * RATE_HZ], samples[5 * RATE_HZ :]])
    assert asked(visitor, wav(tmp_path / "spliced.wav", joined)) in ("partial", "issued_edited")
    visitor.picture("verify-spliced")
    span = max(told_apart(visitor), key=lambda one: one[1] - one[0])
    assert abs(span[0] - 5) <= WITHIN_S and abs(span[1] - 8) <= WITHIN_S, drawn(visitor)
    visitor.check()


def test_every_record_in_a_file_is_named_on_a_phone_in_chinese(
    chromium, service, pictures, released, tmp_path
):
    person = Visitor(chromium, service.base_url, pictures, phone=True, chinese=True)
    joined = np.concatenate([released[0][1], released[1][1]])
    assert asked(person, wav(tmp_path / "joined.wav", joined)) == "mixed_records"
    person.picture("verify-joined")
    named = person.page.locator("[data-record]").evaluate_all("all => all.map((one) => one.dataset.record)")
    assert set(named) == {released[0][0], released[1][0]}
    assert "由多段本服务生成的语音拼接而成" in person.page.inner_text("#answer")
    person.check()
    person.leave()


def test_each_channel_has_its_lane(visitor, released, foreign, tmp_path):
    _, samples, _ = released[0]
    assert asked(visitor, wav(tmp_path / "stereo.wav", samples, foreign[: len(samples)])) == "partial"
    visitor.picture("verify-channels")
    assert visitor.page.get_attribute("[data-lanes]", "data-lanes") == "2"
    lanes = {one["lane"]: one["kind"] for one in drawn(visitor)}
    assert lanes == {0: "ok", 1: "warn"}
    visitor.check()


def test_a_report_for_paper_and_its_check(visitor, chromium, service, pictures, released, foreign, tmp_path):
    from synth.provenance import aigc

    record_id, samples, _ = released[0]
    changed = np.concatenate([samples, foreign[: 3 * RATE_HZ]])
    file = wav(tmp_path / "longer.wav", changed)
    # Our sound under the label of our other file: a contradiction.
    label = aigc.AigcLabel("1", "Assent", released[1][0])
    file.write_bytes(aigc.write(file.read_bytes(), "wav", label))
    assert asked(visitor, file) == "partial"
    page = visitor.page
    assert "names another record" in page.inner_text("[data-contradictions]")
    visitor.picture("verify-contradiction")
    visitor.check()
    with page.expect_download() as download:
        page.click("[data-report-file]")
    kept = tmp_path / "report.json"
    download.value.save_as(kept)
    address = page.get_attribute("#answer a[href$='/report']:not([download])", "href")

    visitor.go(address)
    page.wait_for_selector("svg.map rect")
    visitor.picture("report")
    visitor.check()
    assert record_id in page.inner_text("article")
    page.emulate_media(media="print")
    assert not page.is_visible("header.top") and not page.is_visible(".no-print")
    visitor.picture("report-paper")
    page.pdf(path=visitor.pictures / "report.pdf", format="A4", print_background=False)
    page.emulate_media(media="screen")
    phone = Visitor(chromium, service.base_url, pictures, phone=True, chinese=True, dark=True)
    phone.go(address)
    phone.picture("report")
    phone.check()

    visitor.go("/verify/report")
    page.set_input_files("#report-file", kept)
    page.click("main form button.primary")
    page.wait_for_selector("[data-report-valid=yes]")
    visitor.picture("report-checked")
    visitor.check()
    envelope = json.loads(kept.read_text())
    envelope["report"]["verdict"] = "issued"
    phone.go("/verify/report")
    phone.page.fill("#report-text", json.dumps(envelope))
    phone.page.focus("main form button.primary")
    phone.page.keyboard.press("Enter")
    phone.page.wait_for_selector("[data-report-valid=no]")
    phone.picture("report-altered")
    phone.check()
    phone.leave()


def test_a_refused_file_is_told_why(visitor, tmp_path):
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    visitor.go("/verify")
    visitor.page.set_input_files("input[type=file]", empty)
    visitor.page.wait_for_selector("[data-error]:not([hidden])")
    assert len(visitor.page.inner_text("[data-error]")) > 10
    assert visitor.page.is_hidden("[data-progress]")
    visitor.check()


def test_a_check_can_be_cancelled(visitor, service, foreign, tmp_path):
    """The lane of strangers is held by somebody else, so ours waits, and is cancelled by keyboard."""
    busy = service.python(
        "from audit.actors import ANONYMOUS\n"
        "from django.core.files.uploadedfile import SimpleUploadedFile\n"
        "from django.utils import timezone\n"
        "from watermark import services\nfrom watermark.models import Verification\n"
        "row = Verification.objects.create(file_sha256='0' * 64, size_bytes=1, actor_kind='anonymous', actor_id='-',"
        " state='running', heartbeat_at=timezone.now())\nanswer = str(row.pk)"
    )
    page = visitor.page
    visitor.go("/verify")
    page.set_input_files("input[type=file]", wav(tmp_path / "waiting.wav", foreign))
    page.wait_for_selector("[data-cancel]")
    visitor.picture("verify-waiting")
    page.focus("[data-cancel]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer .verdict[data-kind=info]")
    visitor.picture("verify-cancelled")
    assert "cancelled" in page.inner_text("#answer")
    visitor.check()
    service.python(
        f"from watermark.models import Verification\nanswer = Verification.objects.filter(pk='{busy}').delete()[0]"
    )
