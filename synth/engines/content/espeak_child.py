# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-alone program that speaks one sentence with the eSpeak NG library.

Copyright (C) 2026 the Assent authors. This file, and this file alone, is licensed under the GNU General
Public License, version 3 or later, because it loads the eSpeak NG library (GPL-3.0-or-later) into its
process. It imports nothing of the project around it and is not imported by it.

Standard input: one JSON object {"text", "voice", "words_per_minute"}. Standard output: one line of JSON
{"sample_rate_hz", "phones": [start sample, ...], "words": [start sample, ...]}, then 16-bit mono samples.
Needs the ``espeakng-loader`` package, which carries the library and its data.
"""

import ctypes
import json
import sys
from typing import Any

import espeakng_loader

_RETRIEVAL, _PHONEME_EVENTS, _UTF8, _RATE = 1, 1, 1, 1
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


def main() -> int:
    request = json.load(sys.stdin)
    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    data = str(espeakng_loader.get_data_path()).encode()
    rate = library.espeak_Initialize(_RETRIEVAL + 1, 0, data, _PHONEME_EVENTS)
    if rate <= 0:
        return 3
    if library.espeak_SetVoiceByName(str(request["voice"]).encode()) != 0:
        return 4
    library.espeak_SetParameter(_RATE, int(request["words_per_minute"]), 0)
    pcm = bytearray()
    phones, words = [], []

    def collect(wave: Any, count: int, events: Any) -> int:
        index = 0
        while events[index].type != _EVENT_END:
            event = events[index]
            if event.type == _EVENT_WORD:
                words.append(event.sample)
            elif event.type == _EVENT_PHONEME:
                name = bytes(event.id.string).decode("utf-8", "ignore").strip("',;")
                if name and name[0] not in "_(":
                    phones.append(event.sample)
            index += 1
        if wave and count:
            pcm.extend(ctypes.string_at(wave, count * 2))
        return 0

    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    )
    callback = kind(collect)  # kept in a name: ctypes does not own it
    library.espeak_SetSynthCallback(callback)
    text = str(request["text"]).encode()
    library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    header = {"sample_rate_hz": rate, "phones": phones, "words": words}
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + bytes(pcm))
    return 0


if __name__ == "__main__":
    sys.exit(main())
