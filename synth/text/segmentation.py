"""Tell the languages in a text apart by their scripts.

Kana, Hangul and Latin letters are certain. Han characters take the language asked for; in the automatic modes they
are Japanese if the sentence has kana, Chinese (or Cantonese) otherwise. Digits and signs go with what they stand by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from synth.text.chinese.tables import MEASURES, UNITS

LANGUAGES = ("zh", "en", "ja", "ko", "yue")
MODES = (*LANGUAGES, "all_zh", "all_ja", "all_ko", "all_yue", "auto", "auto_yue")

# A mark inside an address ends no sentence.
_SENTENCE = re.compile(
    r"(?:[^。！？!?…\n]|(?<=[\w/])\?(?=[A-Za-z0-9]))+[。！？!?…\n]*|[。！？!?…\n]+", re.ASCII
)
_UNIT_OF_NUMBER = "|".join(
    re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True) if unit[0].isascii()
)
# An expression with digits and no words: numbers, times, dates, money, formulas.
_SIGNED = r"(?:(?:US|HK|NT)?[$£€¥￥₩₹+-])?\d(?:[\d.,:/+*=%°~～×÷-]*[\d%])?"
_NUMBER = rf"{_SIGNED}(?:\s?(?:{_UNIT_OF_NUMBER})(?![A-Za-z]))?[%‰℃％]?"
_FAR = 8  # a word that many tokens away says nothing about a number
_SIZE_LETTERS = re.compile("(?!AM|PM)[A-Z]{1,2}")
_TOKEN = re.compile(
    r"(?P<address>(?:https?://|www\.)[\w./-]*\w(?:[?#][\w=&%+.-]*\w)?"
    r"|[A-Za-z][\w-]*(?:\.[a-z][\w-]+)*\.(?:com|org|net|edu|gov|io|cn)\b(?:/[\w./-]*\w)?"
    r"|[A-Za-z0-9][\w.+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
    rf"|(?P<number>{_NUMBER}|(?<=第)[IVX]+(?=[章卷部代期册节课回幕季]))"
    r"|(?P<latin>[A-Za-zÀ-ɏ](?:[A-Za-zÀ-ɏ0-9]|['’&+.@_-](?=[A-Za-zÀ-ɏ0-9]))*)"
    r"|(?P<kana>[ぁ-ゖァ-ヺー々ｦ-ﾝ]+)|(?P<hangul>[가-힣ㄱ-ㆎ]+)"
    "|(?P<han>[㐀-鿿豈-﫿〇\U00020000-\U0003ffff]+)|(?P<other>.)",
    re.DOTALL | re.ASCII,
)


@dataclass(frozen=True)
class Run:
    """A stretch of one language."""

    language: str
    text: str


def language_runs(text: str, mode: str) -> list[Run]:
    """Runs whose texts put together are ``text``. ValueError for another mode."""
    if mode not in MODES:
        raise ValueError(f"languages are {', '.join(MODES)}, not {mode}")
    if mode == "en":
        return [Run("en", text)] if text else []
    runs: list[Run] = []
    previous = ""
    for sentence in _SENTENCE.findall(text):
        for run in _sentence_runs(sentence, mode, previous):
            previous = run.language
            if runs and runs[-1].language == run.language:
                runs[-1] = Run(run.language, runs[-1].text + run.text)
            else:
                runs.append(run)
    return runs


def _sentence_runs(sentence: str, mode: str, previous: str) -> list[Run]:
    main = mode.removeprefix("all_")
    automatic = main.startswith("auto")
    if automatic:
        scripts = {"latin": "en", "address": "en", "kana": "ja", "hangul": "ko", "han": "zh"}
    else:
        scripts = {"latin": "en", "address": "en", "kana": main, "hangul": main, "han": main}
    tokens = [(match.lastgroup or "other", match[0]) for match in _TOKEN.finditer(sentence)]
    languages = [scripts.get(kind, "") for kind, _ in tokens]
    if automatic:
        beside_kana = _beside_kana(tokens)
        for index, (kind, _) in enumerate(tokens):
            if kind == "han":
                languages[index] = "ja" if beside_kana[index] else "yue" if main == "auto_yue" else "zh"
    for index, (kind, _) in enumerate(tokens):
        if kind == "number":
            languages[index] = _of_number(tokens, languages, index, scripts["han"])
    default = previous or ("zh" if main == "auto" else main.removeprefix("auto_"))
    first = next((language for language in languages if language), default)
    runs: list[Run] = []
    for (_, part), language in zip(tokens, languages, strict=True):
        chosen = language or (runs[-1].language if runs else first)
        if runs and runs[-1].language == chosen:
            runs[-1] = Run(chosen, runs[-1].text + part)
        else:
            runs.append(Run(chosen, part))
    return runs


def _beside_kana(tokens: list[tuple[str, str]]) -> list[bool]:
    """For each token whether kana is in its clause, or in its stretch between words of other scripts."""
    found = [False] * len(tokens)
    for stops in (
        [part in "，,、；;：:" for _, part in tokens],
        [kind in {"latin", "address", "hangul"} for kind, _ in tokens],
    ):
        start = 0
        for end in (*(index for index, stop in enumerate(stops) if stop), len(tokens)):
            if any(kind == "kana" for kind, _ in tokens[start:end]):
                found[start:end] = [True] * (end - start)
            start = end + 1
    return found


def _of_number(tokens: list[tuple[str, str]], languages: list[str], index: int, main: str) -> str:
    """English after or before an English word, unless another language's word touches the number and claims it."""
    right, right_near = _neighbour(tokens, languages, index, 1)
    left, left_near = _neighbour(tokens, languages, index, -1)
    touching = tokens[index + 1][1] if right == "en" and right_near else ""
    if left != "en" and main in {"zh", "yue"} and _SIZE_LETTERS.fullmatch(touching):
        return main  # 5G, 4K, 3D: the number is said in the sentence's language
    counted = right_near and right != "" and (right != "zh" or tokens[index + 1][1][0] in MEASURES)
    if counted:
        return right
    if left == "en" or (right == "en" and (not left_near or tokens[index + 1][1] == " ")):
        return "en"
    return left or right


def _neighbour(
    tokens: list[tuple[str, str]], languages: list[str], index: int, step: int
) -> tuple[str, bool]:
    """The language of the next word on one side, across blanks, and whether it touches."""
    place, near = index + step, True
    while 0 <= place < len(tokens) and not languages[place] and abs(place - index) <= _FAR:
        if not tokens[place][1].isspace() and tokens[place][0] == "other":
            return "", False
        place, near = place + step, False
    return (languages[place], near) if 0 <= place < len(tokens) and languages[place] else ("", False)
