"""The kinds and places of a heard notice, and what a spoken one says unless an organisation words it."""

from __future__ import annotations

NONE, SPOKEN, RHYTHM = "none", "spoken", "rhythm"
KINDS = (NONE, SPOKEN, RHYTHM)
BEGINNING, MIDDLE, END = "beginning", "middle", "end"
PLACES = (BEGINNING, MIDDLE, END)

#: What is said where nobody worded it otherwise. In another language the rhythm sounds.
WORDING = {
    "en": "This is a synthetic voice.",
    "zh": "以下语音由人工智能合成。",
    "yue": "以下語音由人工智能合成。",
    "ja": "これは合成音声です。",
    "ko": "이것은 합성 음성입니다.",
    "es": "Esta es una voz sintética.",
    "fr": "Ceci est une voix de synthèse.",
    "hi": "यह एक कृत्रिम आवाज़ है।",
    "it": "Questa è una voce sintetica.",
    "pt": "Esta é uma voz sintética.",
}
