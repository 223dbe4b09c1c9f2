"""Content Credentials as the reference SDK writes them, and what hostile bytes make of the reader: nothing.

The files of `tests/data/c2pa` are 0.3 s of a tone, signed by c2pa-python 0.38.1 under a throw-away certificate.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.provenance import c2pa, cbor
from synth.provenance.errors import LabelError

DATA = Path(__file__).parents[1] / "data" / "c2pa"
NAMED = "0192f000-0000-7000-8000-000000000001"
SYNTHETIC = ["synthetic.wav", "synthetic.mp3", "synthetic.flac", "synthetic.m4a"]


@pytest.mark.parametrize("name", SYNTHETIC)
def test_the_manifest_of_the_reference_sdk_is_read(name):
    manifest = c2pa.read((DATA / name).read_bytes())
    assert manifest is not None and manifest.readable
    assert manifest.generator.startswith("Example Voices")
    assert manifest.says_synthetic and not manifest.says_recorded
    assert ("org.example.mark.1", NAMED) in manifest.bindings


def test_a_recording_says_so():
    manifest = c2pa.read((DATA / "recorded.wav").read_bytes())
    assert manifest is not None and manifest.says_recorded and not manifest.says_synthetic


def test_files_without_a_manifest_have_none():
    for name in SYNTHETIC:
        data = (DATA / name).read_bytes()
        for mark in (b"C2PA", b"application/c2pa", c2pa.MP4_UUID):
            data = data.replace(mark, bytes(len(mark)))
        assert c2pa.read(data) is None
    assert c2pa.read(b"") is None
    assert c2pa.read(b"OggS" + bytes(100)) is None


@pytest.mark.parametrize("name", SYNTHETIC)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_manifests_raise_nothing(name, data):
    whole = bytearray((DATA / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    found = c2pa.read(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    if found is not None:
        texts = [found.generator, *found.source_types, *(text for pair in found.bindings for text in pair)]
        assert all(len(text) <= c2pa.MAX_TEXT_CHARS and "\0" not in text for text in texts)


def test_boxes_within_boxes_without_end_are_given_up():
    inner = b""
    for _ in range(60):
        inner = struct.pack(">I4s", 8 + len(inner), b"jumb") + inner
    store = b"C2PA" + struct.pack("<I", len(inner)) + inner
    data = b"RIFF" + struct.pack("<I", 4 + len(store)) + b"WAVE" + store
    found = c2pa.read(data)
    assert found == c2pa.Manifest(readable=False)


def test_cbor_is_read_as_the_standard_writes_it():
    assert cbor.loads(bytes.fromhex("a26161016162820203")) == {"a": 1, "b": [2, 3]}
    assert cbor.loads(bytes.fromhex("9f018202039f0405ffff")) == [1, [2, 3], [4, 5]]
    assert cbor.loads(bytes.fromhex("7f657374726561646d696e67ff")) == "streaming"
    assert cbor.loads(bytes.fromhex("c074323031332d30332d32315432303a30343a30305a")) == "2013-03-21T20:04:00Z"
    assert cbor.loads(bytes.fromhex("3903e7")) == -1000
    assert cbor.loads(bytes.fromhex("fb3ff199999999999a")) == 1.1
    assert cbor.loads(bytes.fromhex("a2182101616102")) == {"a": 2}  # a COSE header: numbers for keys


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("d81d00", 0),  # a shared reference to nothing
        ("d81c81d81d00", [0]),  # a list that holds itself
        ("d82363283f2e", "(?."),  # a regular expression
        ("c249010000000000000000", b"\x01" + bytes(8)),  # a big number
        ("d90100d9d9f7da000f423f01", 1),
    ],
)
def test_a_tag_makes_nothing_of_a_strangers_bytes(data, value):
    assert cbor.loads(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x9b" + b"\xff" * 8,
        b"\xbb\x00\x00\x00\x00\xff\xff\xff\xff",
        b"\x81" * 100,
        b"\xc1" * 100_000,
        b"\xa2\x61a\x01\x61a\x02",
        b"\x9f" + b"\x01" * cbor.MAX_BYTES + b"\xff",
        b"\x5f\x61a\xff",
        b"\xff\xff",
    ],
)
def test_cbor_that_lies_is_refused(data):
    with pytest.raises(LabelError):
        cbor.loads(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_refused(data):
    with suppress(LabelError):
        cbor.loads(data)
