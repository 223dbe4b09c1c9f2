"""The label on real files of each format: written, read back, the sound unchanged; hostile bytes survived."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.provenance import aigc, flac, id3, ogg, riff
from synth.provenance.aigc import AigcLabel
from synth.provenance.errors import LabelError
from synth.provenance.vorbis import Comments

LABEL = AigcLabel("1", "某服务 / A Service Ltd", "0192f0c1-2b3c-7def-8a90-123456789abc")
OTHER = AigcLabel("3", "x", "y", "r1", "propagator", "p-1", "r2")
FORMATS = ("wav", "mp3", "flac", "opus")
_SNDFILE = {"wav": ("WAV", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III"), "flac": ("FLAC", "PCM_16"),
            "opus": ("OGG", "OPUS"), "vorbis": ("OGG", "VORBIS")}  # fmt: skip


@cache
def sound(format: str, seconds: float = 0.5) -> bytes:
    """A short tone with noise, encoded by libsndfile."""
    rate = 48000 if format == "opus" else 32000
    count = int(rate * seconds)
    noise = np.random.default_rng(7).normal(0, 0.02, count)
    samples = (0.3 * np.sin(np.arange(count) * 0.05) + noise).astype(np.float32)
    out = io.BytesIO()
    container, subtype = _SNDFILE[format]
    sf.write(out, samples, rate, format=container, subtype=subtype)
    return out.getvalue()


def decoded(data: bytes) -> np.ndarray:
    samples, _ = sf.read(io.BytesIO(data), dtype="float32")
    return samples


@pytest.mark.parametrize("format", FORMATS)
def test_the_label_discloses_system_and_time_and_old_labels_still_read(format: str) -> None:
    made = AigcLabel(
        "1", "Harbor", "0192f0c1", system="Assent 0.1.0, kokoro 1.0", made_at="2026-11-30T12:00:00Z"
    )
    assert aigc.read(aigc.write(sound(format), format, made)) == made
    assert {"System", "Time"} <= json.loads(made.to_json()).keys()
    old = '{"Label":"1","ContentProducer":"Harbor","ProduceID":"0192f0c1","ReservedCode1":"","ContentPropagator":"",' \
        '"PropagateID":"","ReservedCode2":""}'  # fmt: skip
    assert AigcLabel.from_json(old) == AigcLabel("1", "Harbor", "0192f0c1")
    assert AigcLabel.from_json(old).to_json() == old


@pytest.mark.parametrize("format", FORMATS)
def test_written_read_back_and_the_sound_unchanged(format: str) -> None:
    before = sound(format)
    assert aigc.read(before) is None
    after = aigc.write(before, format, LABEL)
    assert aigc.read(after) == LABEL
    assert np.array_equal(decoded(before), decoded(after))
    again = aigc.write(after, format, OTHER)
    assert aigc.read(again) == OTHER
    assert again.count(b"ContentProducer") == 1
    assert aigc.write(again, format, LABEL) == after
    assert np.array_equal(decoded(before), decoded(again))


@pytest.mark.parametrize("format", FORMATS)
def test_labels_of_many_lengths(format: str) -> None:
    """Odd and even lengths, and such as end exactly at a segment or a page of Ogg."""
    for length in (1, 2, 100, 101, *range(240, 262), 1000, 2000):
        label = AigcLabel("1", "p" * length, "i")
        assert aigc.read(aigc.write(sound(format), format, label)) == label
    longest = AigcLabel("1", *["p" * 2000] * 6)
    written = aigc.write(sound(format), format, longest)
    assert aigc.read(written) == longest
    assert np.array_equal(decoded(sound(format)), decoded(written))


def test_the_stored_json_is_the_standards() -> None:
    chunk = riff.read(aigc.write(sound("wav"), "wav", LABEL))
    assert chunk is not None and json.loads(chunk) == {
        "Label": "1",
        "ContentProducer": "某服务 / A Service Ltd",
        "ProduceID": "0192f0c1-2b3c-7def-8a90-123456789abc",
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }


@pytest.mark.parametrize("format", ["pcm", "m4a", "", "WAV"])
def test_formats_without_a_place(format: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        aigc.write(b"\0" * 100, format, LABEL)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("other", [*FORMATS, "none"])
def test_a_file_of_another_format_is_refused(format: str, other: str) -> None:
    if other == format:
        return
    with pytest.raises(LabelError) as caught:
        aigc.write(b"" if other == "none" else sound(other), format, LABEL)
    assert caught.value.code == "label_bad_container"


@pytest.mark.parametrize(
    "values",
    [
        ("0", "p", "i"),
        ("", "p", "i"),
        ("1", "p" * 2001, "i"),
        ("1", "a\0b", "i"),
        ("1", "\ud800", "i"),
        ("1", 5, "i"),
    ],
)
def test_labels_that_are_none(values: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"Label|text"):
        AigcLabel(*values)


def test_labels_of_other_writers_are_read() -> None:
    assert AigcLabel.from_json('{"Label": "2", "Extra": [1]}') == AigcLabel("2", "", "")
    assert AigcLabel.from_json('{"AIGC": {"Label": "1", "ProduceID": "x"}}') == AigcLabel("1", "", "x")


# Each container's own rules.


def test_wav_keeps_other_chunks_and_mends_the_size() -> None:
    plain = sound("wav")
    extra = plain + b"note" + struct.pack("<I", 3) + b"abc\0"
    extra = extra[:4] + struct.pack("<I", len(extra) - 8) + extra[8:]
    after = riff.write(extra, b"{}x")
    assert struct.unpack("<I", after[4:8])[0] == len(after) - 8
    assert b"note\x03\0\0\0abc\0" in after and len(after) % 2 == 0
    assert riff.read(after) == b"{}x"
    assert np.array_equal(decoded(plain), decoded(after))
    # A last chunk of odd length without its pad byte is common; it is padded, not swallowed.
    unpadded = extra[:-1]
    assert riff.read(riff.write(unpadded, b"{}")) == b"{}"


def _tagged_mp3(major: int, encoding: int, text: str, flags: int = 0) -> bytes:
    codec = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}[encoding]
    end = b"\0\0" if encoding in (1, 2) else b"\0"
    content = bytes([encoding]) + "AIGC".encode(codec) + end + text.encode(codec)
    if flags & 0x80:
        content = content.replace(b"\xff", b"\xff\x00")
    size = id3._to_syncsafe(len(content)) if major == 4 else len(content).to_bytes(4, "big")
    frame_flags = b"\0\x02" if major == 4 and flags & 0x80 else b"\0\0"
    frames = b"TXXX" + size + frame_flags + content + b"\0" * 32
    return b"ID3" + bytes((major, 0, flags)) + id3._to_syncsafe(len(frames)) + frames + sound("mp3")


@pytest.mark.parametrize("major", [3, 4])
@pytest.mark.parametrize("encoding", [0, 1, 2, 3])
@pytest.mark.parametrize("flags", [0, 0x80])
def test_mp3_tags_of_either_version_and_every_encoding(major: int, encoding: int, flags: int) -> None:
    producer = "Ltd" if encoding == 0 else "某 Ltd"
    text = json.dumps({"Label": "1", "ContentProducer": producer, "ProduceID": "x"}, ensure_ascii=False)
    data = _tagged_mp3(major, encoding, text, flags)
    assert aigc.read(data) == AigcLabel("1", producer, "x")
    if flags:
        with pytest.raises(LabelError, match="unusual"):
            aigc.write(data, "mp3", LABEL)
    else:
        after = aigc.write(data, "mp3", LABEL)
        assert after[3] == major and aigc.read(after) == LABEL and after.count(b"TXXX") == 1


def test_mp3_keeps_other_frames() -> None:
    title = b"TIT2" + (6).to_bytes(4, "big") + b"\0\0" + b"\x00Title"
    other = b"TXXX" + (5).to_bytes(4, "big") + b"\0\0" + b"\x00a\0bc"
    data = b"ID3\x03\0\0" + id3._to_syncsafe(len(title + other)) + title + other + sound("mp3")
    after = aigc.write(data, "mp3", LABEL)
    assert title in after and other in after
    assert aigc.read(after) == LABEL
    assert np.array_equal(decoded(sound("mp3")), decoded(after))


def test_flac_without_comments_gets_a_block_and_keeps_the_others() -> None:
    data = sound("flac")
    blocks, at = flac._blocks(data, 0)
    kept = [(kind, content) for kind, content in blocks if kind != 4]
    picture = (2, b"appl" + b"x" * 10)
    bare = b"fLaC"
    for number, (kind, content) in enumerate([*kept, picture], 1):
        bare += (
            bytes(((0x80 if number == len(kept) + 1 else 0) | kind,))
            + len(content).to_bytes(3, "big")
            + content
        )
    bare += data[at:]
    after = aigc.write(bare, "flac", LABEL)
    assert aigc.read(after) == LABEL
    assert [kind for kind, _ in flac._blocks(after, 0)[0]] == [0, 4, *[kind for kind, _ in kept[1:]], 2]
    assert np.array_equal(decoded(data), decoded(after))


def test_flac_behind_an_id3_tag() -> None:
    """Some signers put an ID3 tag before a FLAC file."""
    tag = b"ID3\x04\0\0" + id3._to_syncsafe(20) + b"\0" * 20
    after = aigc.write(tag + sound("flac"), "flac", LABEL)
    assert after.startswith(tag) and aigc.read(after) == LABEL


def _packets(data: bytes) -> tuple[list[bytes], list[int]]:
    """Packets of an Ogg stream and the sequence numbers of its pages, by the letter of RFC 3533."""
    packets, numbers, at, part = [], [], 0, b""
    while at < len(data):
        page, at = ogg._page(data, at, check=True)
        numbers.append(page.sequence)
        start = 0
        for length in page.lacing:
            part += page.body[start : start + length]
            start += length
            if length < 255:
                packets.append(part)
                part = b""
    assert part == b""
    return packets, numbers


def test_opus_comments_over_several_pages_renumber_the_rest() -> None:
    plain = sound("opus", 3.0)
    packets, numbers = _packets(plain)
    comments = Comments.parse(packets[1][8:])
    many = Comments(comments.vendor, tuple(b"C%d=" % i + b"x" * 900 for i in range(150)))
    tags = b"OpusTags" + many.to_bytes()
    headers = ogg._headers(plain)
    pages = ogg._paginate(tags, headers.serial, first_sequence=1)
    assert len(pages) > 1
    long = headers.first + b"".join(page.to_bytes() for page in pages)
    long += ogg._renumbered(plain, headers, len(pages) - headers.comment_pages)
    assert np.array_equal(decoded(plain), decoded(long))
    after = aigc.write(long, "opus", LABEL)
    assert aigc.read(after) == LABEL
    assert np.array_equal(decoded(plain), decoded(after))
    # And back: removing the many comments shortens the pages again.
    found, sequence = _packets(after)
    assert found[0] == packets[0] and found[2:] == packets[2:]
    assert sequence == list(range(len(sequence))) and len(sequence) > len(numbers)
    only = ogg.Comments.parse(found[1][8:])
    assert len(only.items) == 151


def test_opus_data_that_must_be_kept_is_kept() -> None:
    plain = sound("opus")
    headers = ogg._headers(plain)
    tags = b"OpusTags" + Comments(b"v", (), b"\x01keep me").to_bytes()
    page = ogg._paginate(tags, headers.serial, first_sequence=1)[0]
    data = headers.first + page.to_bytes() + plain[headers.end :]
    after = aigc.write(data, "opus", LABEL)
    assert _packets(after)[0][1].endswith(b"\x01keep me")


def test_the_ogg_checksum_is_the_published_one() -> None:
    """libogg's pages carry checksums that this code did not make."""
    _packets(sound("opus", 2.0))
    broken = bytearray(sound("opus"))
    broken[60] ^= 1
    assert aigc.read(bytes(broken)) is None
    with pytest.raises(LabelError, match="checksum"):
        ogg.read(bytes(broken), "AIGC")


def test_ogg_vorbis_is_read_only() -> None:
    assert aigc.read(sound("vorbis")) is None
    with pytest.raises(LabelError):
        aigc.write(sound("vorbis"), "opus", LABEL)


@pytest.mark.parametrize("format", FORMATS)
def test_another_reader_agrees(format: str, tmp_path: Path) -> None:
    """ffmpeg's own view of tags and sound."""
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    before, after = tmp_path / f"before.{format}", tmp_path / f"after.{format}"
    before.write_bytes(sound(format))
    after.write_bytes(aigc.write(sound(format), format, LABEL))
    if format != "wav":  # ffmpeg knows no chunk of this name
        command = [
            "ffprobe",
            "-v",
            "error",
            "-show_entries",
            "format_tags:stream_tags",
            "-of",
            "json",
            str(after),
        ]
        shown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        tags = {**shown["format"].get("tags", {}), **shown["streams"][0].get("tags", {})}
        assert AigcLabel.from_json(tags["AIGC"]) == LABEL
    sums = [
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(path), "-f", "md5", "-"], capture_output=True, check=True
        ).stdout
        for path in (before, after)
    ]
    assert sums[0] == sums[1]


# Hostile bytes.

_SMALL = {format: aigc.write(sound(format, 0.05), format, LABEL) for format in FORMATS}
_EDITS = st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=8)), max_size=6)


def _edited(data: bytes, edits: list[tuple[int, bytes]], cut: int) -> bytes:
    raw = bytearray(data)
    for at, junk in edits:
        at %= len(raw)
        raw[at : at + len(junk)] = junk
    return bytes(raw[: len(raw) - cut]) if cut < len(raw) else bytes(raw)


def _head(data: bytes) -> int:
    """Edits matter where the structure is: at the head, and at the end of a WAV."""
    return min(len(data), 1200)


@settings(max_examples=150)
@given(st.sampled_from(FORMATS), _EDITS, st.integers(0, 600), st.booleans())
def test_reading_survives_any_damage(
    format: str, edits: list[tuple[int, bytes]], cut: int, at_head: bool
) -> None:
    data = _SMALL[format]
    if at_head:
        edits = [(at % _head(data), junk) for at, junk in edits]
    found = aigc.read(_edited(data, edits, cut))
    assert found is None or isinstance(found, AigcLabel)


@settings(max_examples=150)
@given(st.sampled_from(FORMATS), _EDITS, st.integers(0, 600))
def test_writing_on_damaged_files_works_or_refuses(
    format: str, edits: list[tuple[int, bytes]], cut: int
) -> None:
    data = _SMALL[format]
    damaged = _edited(data, [(at % _head(data), junk) for at, junk in edits], cut)
    try:
        after = aigc.write(damaged, format, OTHER)
    except LabelError:
        return
    assert aigc.read(after) == OTHER


@settings(max_examples=150)
@given(st.sampled_from([b"RIFF\xff\xff\xff\xffWAVE", b"ID3\x04\0\0", b"ID3\x03\0\x80", b"fLaC", b"OggS\0\x02", b""]),
       st.binary(max_size=300))  # fmt: skip
def test_reading_survives_anything(head: bytes, rest: bytes) -> None:
    found = aigc.read(head + rest)
    assert found is None or isinstance(found, AigcLabel)


_LABEL_LIKE = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["AIGC", "Label", "ProduceID"]), inner),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.text(max_size=200) | _LABEL_LIKE.map(json.dumps))
def test_any_json_is_a_label_or_none(text: str) -> None:
    wav = riff.write(sound("wav", 0.05), text.encode("utf-8", "surrogatepass"))
    found = aigc.read(wav)
    assert found is None or found.label in ("1", "2", "3")


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF\x04\0\0\0WAVE" + b"abcd\0\0\0\0" * 100_000,
        b"fLaC" + b"\x01\0\0\0" * 100_000,
        b"ID3\x04\0\0" + id3._to_syncsafe(2_200_000) + (b"TIT2\0\0\0\x01\0\0x") * 200_000,
        b"RIFF\x04\0\0\0WAVEAIGC" + struct.pack("<I", 200_000) + b"[" * 200_000,
        ogg.Page(2, 0, 1, 0, b"\x08", b"OpusHead").to_bytes()
        + b"".join(
            ogg.Page(1 if n else 0, 0, 1, n + 1, b"\xff" * 255, b"x" * 65025).to_bytes() for n in range(20)
        ),
        b"fLaC\x84\0\0\x08" + struct.pack("<II", 0, 0xFFFFFFFF),
        b"fLaC\x84\0\0\x04" + struct.pack("<I", 0xFFFFFFFF),
    ],
    ids=[
        "riff-chunks",
        "flac-blocks",
        "id3-frames",
        "deep-json",
        "ogg-endless-comment",
        "vorbis-count",
        "vorbis-vendor",
    ],
)
def test_bombs_end(data: bytes) -> None:
    assert aigc.read(data) is None
