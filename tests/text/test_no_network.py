"""The front-end opens no connection and imports no framework."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import socket, sys
def refused(*_, **__):
    raise AssertionError("a connection was opened")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
from synth.text import frontend, markup
assert not {"torch", "django", "jieba_next", "pyopenjtalk", "wordsegment"} & set(sys.modules), "imported too early"
texts = {"zh": "我用Linux。", "en": "Skateboarders!", "ja": "東京です。", "ko": "좋아요.", "yue": "多謝。"}
for language, text in texts.items():
    assert frontend.process(text, language)
assert not {"torch", "django"} & set(sys.modules)
"""


def test_no_connection_and_no_framework():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
