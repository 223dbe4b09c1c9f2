"""Bytes as an answer, whole or by ranges."""

from __future__ import annotations

import io

import pytest
from django.test import RequestFactory

from synth.portal.files import answer_with

DATA = bytes(range(100))


def asked(header: str = ""):
    request = RequestFactory().get("/", headers={"range": header} if header else {})
    return answer_with(request, io.BytesIO(DATA), media_type="audio/wav", filename="声音.wav", download=True)


@pytest.mark.parametrize(
    ("header", "status", "content"),
    [
        ("", 200, DATA),
        ("bytes=0-", 206, DATA),
        ("bytes=10-19", 206, DATA[10:20]),
        ("bytes=90-500", 206, DATA[90:]),
        ("bytes=-5", 206, DATA[-5:]),
        ("bytes=100-", 416, b""),
        ("bytes=20-10", 416, b""),
        ("bytes=0-1,5-6", 200, DATA),
        ("lines=1-2", 200, DATA),
        ("bytes=" + "9" * 5000 + "-", 200, DATA),  # Python refuses to read such a number
    ],
)
def test_ranges(header, status, content):
    answer = asked(header)
    assert (answer.status_code, answer.content) == (status, content)


def test_a_name_in_any_script():
    assert asked()["content-disposition"] == "attachment; filename*=UTF-8''%E5%A3%B0%E9%9F%B3.wav"
    assert asked("bytes=10-19")["content-range"] == "bytes 10-19/100"
