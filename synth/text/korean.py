"""Korean phones: numbers and letters as words, then the standard rules of pronunciation, then single letters (jamo).

The rules are those of the standard language (표준 발음법): links between syllables, aspiration, tense and nasal
consonants. Words whose reading no rule gives are in a table taken from the standard's own examples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synth.text.characters import plain_digits, says_something
from synth.text.cutting import blanks as borders
from synth.text.symbols import table, word_list
from synth.text.tokens import Token, flat

__all__ = ["borders", "normalize", "phones", "tidied", "tokens", "verbalized"]

PAUSE, SPACE = "停", "空"  # the table's names for an unreadable sign and a blank
_ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_CODAS = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]
_VOWEL_PARTS = {
    "ㅑ": "ㅣㅏ", "ㅒ": "ㅣㅐ", "ㅕ": "ㅣㅓ", "ㅖ": "ㅣㅔ", "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅛ": "ㅣㅗ",
    "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅠ": "ㅣㅜ", "ㅢ": "ㅡㅣ",
}  # fmt: skip
_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        word_list(
            "에이 비 시 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 아르 에스 티 유 "
            "브이 더블유 엑스 와이 제트 "
        ),
        strict=True,
    )
)
_MARKS = {
    "：": ",",
    "；": ",",
    "，": ",",
    "、": ",",
    "·": ",",
    "。": ".",
    "！": "!",
    "？": "?",
    "\n": ".",
    " ": SPACE,
}
_UNITS = {
    "km/h": "킬로미터 퍼 아워", "km": "킬로미터", "kg": "킬로그램", "cm": "센티미터", "mm": "밀리미터",
    "ml": "밀리리터", "mL": "밀리리터", "mg": "밀리그램", "kcal": "킬로칼로리", "m²": "제곱미터", "㎡": "제곱미터",
    "m": "미터", "g": "그램", "L": "리터", "GB": "기가바이트", "MB": "메가바이트", "℃": "도", "°C": "도", "%": "퍼센트",
}  # fmt: skip
_UNIT = re.compile(
    rf"(?<=\d)\s?({'|'.join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))})(?![A-Za-z])"
)
_MONEY = {"$": "달러", "₩": "원", "€": "유로", "£": "파운드", "¥": "엔", "￥": "엔"}
_SIGNS = {
    "+": " 더하기 ", "=": "는 ", "×": " 곱하기 ", "÷": " 나누기 ", "−": " 빼기 ",
    "≠": "는 같지 않다 ", "!=": "는 같지 않다 ",
    "≤": " 이하 ", "<=": " 이하 ", "≥": " 이상 ", ">=": " 이상 ",
}  # fmt: skip
_AMOUNT = r"\d+(?:,\d{3}){0,8}(?:\.\d+)?"
_NATIVE_COUNTERS = word_list(
    "시간 시 명 개 살 마리 권 번 병 잔 대 장 송이 그루 벌 켤레 사람 가지 군데 달(?!러) 채 척 "
    "통 자루 줄 곳 배 판 쌍 그릇 걸음 "
)
_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_DIGITS = "영일이삼사오육칠팔구"

# Examples of the standard (articles 17, 20, 26, 28 to 30) and loan readings that no rule gives.
_WORDS = tuple(
    row.split("=")
    for row in word_list(
    "의견란=의견난 임진란=임진난 생산량=생산냥 결단력=결딴녁 공권력=공꿘녁 동원령=동원녕 "
    "상견례=상견녜 횡단로=횡단노 이원론=이원논 입원료=이붠뇨 갈등=갈뜽 발동=발똥 절도=절또 "
    "말살=말쌀 "
    "일시=일씨 갈증=갈쯩 물질=물찔 발전=발쩐 몰상식=몰쌍식 불세출=불쎄출 결정=결쩡 결단=결딴 "
    "활동=활똥 출신=출씬 설정=설쩡 실제=실쩨 실시=실씨 달성=달썽 철저=철쩌 발달=발딸 "
    "발생=발쌩 결심=결씸 질서=질써 열정=열쩡 밀도=밀또 인기=인끼 문법=문뻡 헌법=헌뻡 "
    "사건=사껀 조건=조껀 여권=여꿘 문고리=문꼬리 눈동자=눈똥자 신바람=신빠람 손재주=손째주 "
    "길가=길까 "
    "물동이=물똥이 발바닥=발빠닥 굴속=굴쏙 술잔=술짠 바람결=바람껼 그믐달=그믐딸 아침밥=아침빱 "
    "잠자리=잠짜리 강가=강까 초승달=초승딸 등불=등뿔 창살=창쌀 강줄기=강쭐기 솜이불=솜니불 "
    "홑이불=혼니불 막일=망닐 삯일=상닐 맨입=맨닙 꽃잎=꼰닙 내복약=내봉냑 색연필=생년필 "
    "직행열차=지캥녈차 늑막염=능망념 콩엿=콩녇 담요=담뇨 눈요기=눈뇨기 영업용=영엄뇽 "
    "식용유=시굥뉴 "
    "깻잎=깬닙 나뭇잎=나문닙 들일=들릴 솔잎=솔립 물약=물략 서울역=서울력 휘발유=휘발류 "
    "한여름=한녀름 맛있=마싣 멋있=머싣 냇가=내까 콧등=코뜽 깃발=기빨 콧날=콘날 아랫니=아랜니 "
    "베갯잇=베갠닏 십육=심뉵 백육=뱅뉵"
)
)  # fmt: skip

_LINKED = {
    "ㄳ": "ㄱㅆ",
    "ㄵ": "ㄴㅈ",
    "ㄺ": "ㄹㄱ",
    "ㄻ": "ㄹㅁ",
    "ㄼ": "ㄹㅂ",
    "ㄽ": "ㄹㅆ",
    "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ",
    "ㅄ": "ㅂㅆ",
}
_CLOSED = {
    **dict.fromkeys("ㄱㄲㅋㄳㄺ", "ㄱ"), **dict.fromkeys("ㄷㅌㅅㅆㅈㅊㅎ", "ㄷ"), **dict.fromkeys("ㅂㅍㅄㄿ", "ㅂ"),
    **dict.fromkeys("ㄹㄼㄽㄾㅀ", "ㄹ"), **dict.fromkeys("ㅁㄻ", "ㅁ"), **dict.fromkeys("ㄴㄵㄶ", "ㄴ"), "ㅇ": "ㅇ",
}  # fmt: skip
_TENSE = dict(zip("ㄱㄷㅂㅅㅈ", "ㄲㄸㅃㅆㅉ", strict=True))
_ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"}
_NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}
_BOUND_NOUNS = "것거게건걸수데바줄적듯만법"


@dataclass
class _Syllable:
    onset: str
    vowel: str
    coda: str


def normalize(text: str) -> str:
    """See `verbalized`; punctuation stays."""
    return verbalized(text)


def tidied(text: str) -> tuple[str, str]:
    """Hangul and marks, and the characters that were dropped though they say something."""
    text = re.sub(r"\s*\n\s*", ". ", text.strip())
    dropped = [letter for letter in text if not re.match("[가-힣ㄱ-ㆎ]", letter) and says_something(letter)]
    return "".join(letter for letter in text if letter not in dropped), "".join(dict.fromkeys(dropped))


def verbalized(text: str) -> str:
    """Numbers, letters and signs in Hangul."""
    text = _written_out(plain_digits(text))
    text = re.sub("[A-Za-z]", lambda letter: _LETTERS[letter[0].lower()], text)
    numbers = r"(?<!\d)0\d+(?:-\d+)+|(?<!\d)\d+(?:-\d+){2,}|(?<!\d)1[56]\d\d-\d{4}|(?<!\d)11[0-9](?!\d|번째)"
    text = re.sub(numbers, lambda m: re.sub(r"\d", _digit, m[0]), text)
    text = (
        text.replace("10월", "시월").replace("6월", "유월") if re.search(r"(?<!\d)(?:10|6)월", text) else text
    )
    counters = "|".join(_NATIVE_COUNTERS)
    text = re.sub(r"(?<!\d)([1-9]0)(?=대)", lambda m: sino(m[0]), text)  # an age: 삼십대
    text = re.sub(rf"(?<![\d.,])(\d{{1,2}})(?=\s?(?:{counters}))", lambda m: _native(int(m[1])), text)
    text = re.sub(r"\d[\d,]{0,30}\.\d+", lambda m: _decimal(m[0]), text)
    return re.sub(r"\d+(?:,\d{3}){0,8}", lambda m: sino(m[0].replace(",", "")), text)


def _written_out(text: str) -> str:
    """Times, dates, money, ranges, fractions and units with words for their signs; the digits stay."""
    pair = rf"([$₩€£¥￥])\s?({_AMOUNT})\s?[-–~～]\s?[$₩€£¥￥]?({_AMOUNT})"
    text = re.sub(pair, lambda m: f"{m[2]}에서 {m[3]}{_MONEY[m[1]]}", text)
    text = re.sub(rf"([$₩€£¥￥])\s?({_AMOUNT})", lambda m: m[2] + _MONEY[m[1]], text)
    text = re.sub(r"[①-⑳]", lambda m: f"{ord(m[0]) - 0x245F}, ", text)
    text = re.sub(
        r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3}){1,5}(?! ?\d|-\d)", lambda m: m[0].replace(" ", ""), text
    )
    text = re.sub(r"(?<![\d.,-])\+?\d{2,6}(?: \d{3,6}){1,5}(?![\d.,-])", _digit_groups, text)
    text = re.sub(r"(?<!\d)(\d{4})[-/.](\d\d?)[-/.](\d\d?)(?!\d)", _date, text)
    text = re.sub(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])", _time, text)
    text = re.sub(
        r"(?<!\d)(\d{1,2})[·.](\d{1,2})(?=\s?(?:절|전쟁|운동|혁명|사태))|(?<!\d)(\d{1,2})·(\d{1,2})",
        _event,
        text,
    )
    text = re.sub(r"(?<![\d:])(\d+):(\d+)(?![\d:])", lambda m: f"{sino(m[1])} 대 {sino(m[2])}", text)
    text = re.sub("[$₩€£¥￥]", lambda m: " " + _MONEY[m[0]], text)
    text = re.sub(r"(?<![\d/])(\d+)/(\d+)(?![\d/])", r"\2분의 \1", text)
    counters = "|".join(_NATIVE_COUNTERS)
    pair = rf"(?<![\d-])(\d{{1,2}})\s?[-~～]\s?(?=\d{{1,2}}\s?(?:{counters}))"
    text = re.sub(pair, lambda m: f"{_native(int(m[1]))}에서 ", text)
    text = re.sub(r"(?<![\d-])(\d{1,3})\s?[-~～]\s?(?=\d{1,3}(?![\d-]))", r"\1에서 ", text)
    text = re.sub(rf"(?<![\w-])[-−](?={_AMOUNT}\s?(?:℃|°C|도))", "영하 ", text)
    text = re.sub(r"(?<![\w-])[-−](?=\d)", "마이너스 ", text)
    text = re.sub(r"(?<=\d)\s?(!=|<=|>=|[+=×÷−≠≤≥])\s?(?=\d)", lambda m: _SIGNS[m[1]], text)
    text = re.sub(
        r"(?<=[\dA-Za-z])(?:\^(\d+)|([²³]))",
        lambda m: f"의 {sino(m[1] or str('²³'.index(m[2]) + 2))}승 ",
        text,
    )
    return _UNIT.sub(lambda m: _UNITS[m[1]], text).replace("&", " 앤드 ").replace("%", "퍼센트")


def _digit_groups(match: re.Match[str]) -> str:
    """A telephone or card number in groups, digit by digit."""
    spoken = [re.sub(r"\d", _digit, group) for group in match[0].lstrip("+").split()]
    return ("플러스 " if match[0].startswith("+") else "") + ", ".join(spoken)


def _power(match: re.Match[str]) -> str:
    return f"의 {sino(match[1] or str('²³'.index(match[2]) + 2))}승 "


def _date(match: re.Match[str]) -> str:
    return f"{match[1]}년 {int(match[2])}월 {int(match[3])}일"


def _time(match: re.Match[str]) -> str:
    minute = int(match[2])
    return f"{int(match[1]) or 0}시" + (f" {minute}분" if minute else "")


def _event(match: re.Match[str]) -> str:
    return re.sub(r"\d", _digit, re.sub(r"\D", "", match[0]))


def _digit(match: re.Match[str]) -> str:
    return _DIGITS[int(match[0])]


def _decimal(text: str) -> str:
    whole, fraction = text.replace(",", "").split(".")
    return sino(whole) + "점" + re.sub(r"\d", _digit, fraction)


def sino(digits: str) -> str:
    """ "2024" -> 이천이십사; digit by digit if it begins with 0 or is longer than 16 digits."""
    if len(digits) > 16 or (len(digits) > 1 and digits[0] == "0"):
        return re.sub(r"\d", _digit, digits)
    if not int(digits):
        return "영"
    spoken = ""
    groups = [digits[max(0, end - 4) : end] for end in range(len(digits), 0, -4)]
    for power, group in reversed(list(enumerate(groups))):
        part = ""
        for place, digit in enumerate(reversed(group)):
            if digit != "0":
                name = _DIGITS[int(digit)] if digit != "1" or place == 0 else ""
                part = name + ["", "십", "백", "천"][place] + part
        if part:
            spoken += ("" if part == "일" and power == 1 else part) + ["", "만", "억", "조"][power]
    return spoken


def _native(number: int) -> str:
    if not 0 < number < 100:
        return sino(str(number))
    return "스무" if number == 20 else _TENS[number // 10] + _ONES[number % 10]


def phones(text: str, words: Mapping[str, Sequence[str]] | None = None) -> tuple[list[str], None]:
    """Jamo, blanks and marks of normalised text."""
    return flat(tokens(text, words))[0], None


def tokens(text: str, words: Mapping[str, Sequence[str]] | None = None) -> list[Token]:
    """Words apart by blanks, blanks and marks. ``words``: word -> its reading in Hangul (one string)."""
    for word, reading in (words or {}).items():
        text = text.replace(word, "".join(reading))
    for word, reading in _WORDS:
        text = text.replace(word, reading)
    units = [_opened(character) for character in text]
    for index, unit in enumerate(units):
        if isinstance(unit, _Syllable):
            _settle_vowel(unit)
            _meet(unit, *_following(units, index))
    known = table()
    found: list[Token] = []
    inside = False
    for character, unit in zip(text, units, strict=True):
        if isinstance(unit, _Syllable):
            said = (unit.onset, *_VOWEL_PARTS.get(unit.vowel, unit.vowel), *unit.coda)
            if inside:
                found[-1] = Token(found[-1].text + character, found[-1].phones + said)
            else:
                found.append(Token(character, said))
        else:
            mark = _MARKS.get(unit, unit)
            kept = (mark in known and not mark.isascii()) or mark in "!,.-?"
            found.append(Token(character, (mark if kept else PAUSE,)))
        inside = isinstance(unit, _Syllable)
    if found and (found[-1].phones[-1] in _ONSETS or found[-1].phones[-1] in _VOWELS):
        found.append(Token(".", (".",)))
    return found


def _opened(character: str) -> _Syllable | str:
    code = ord(character) - 0xAC00
    if not 0 <= code < 11172:
        return character
    return _Syllable(_ONSETS[code // 588], _VOWELS[code // 28 % 21], _CODAS[code % 28])


def _following(units: Sequence[_Syllable | str], index: int) -> tuple[_Syllable | None, bool]:
    """The next syllable, if at most one blank is between, and whether there is one."""
    rest = units[index + 1 : index + 3]
    if rest and isinstance(rest[0], _Syllable):
        return rest[0], False
    if len(rest) == 2 and rest[0] == " " and isinstance(rest[1], _Syllable):
        return rest[1], True
    return None, False


def _settle_vowel(unit: _Syllable) -> None:
    if unit.vowel == "ㅕ" and unit.onset in "ㅈㅉㅊ":
        unit.vowel = "ㅓ"
    elif unit.vowel == "ㅢ" and unit.onset != "ㅇ":
        unit.vowel = "ㅣ"


def _meet(unit: _Syllable, after: _Syllable | None, blank: bool) -> None:
    """What the end of a syllable and the beginning of the next do to each other."""
    coda = unit.coda
    if not coda:
        return
    if after is None:
        unit.coda = _CLOSED[coda]
    elif after.onset == "ㅇ" and not blank:
        _link(unit, after)
    elif coda in "ㅎㄶㅀ" and after.onset in "ㄱㄷㅈㅅㄴ":
        if after.onset == "ㄴ":
            unit.coda = {"ㅎ": "ㄴ", "ㄶ": "ㄴ", "ㅀ": "ㄹ"}[coda]
            after.onset = "ㄹ" if coda == "ㅀ" else "ㄴ"
        else:
            after.onset = _ASPIRATED.get(after.onset, "ㅆ")
            unit.coda = {"ㅎ": "", "ㄶ": "ㄴ", "ㅀ": "ㄹ"}[coda]
    elif (after.onset == "ㅎ" and _CLOSED[coda] in "ㄱㄷㅂ") or (after.onset == "ㅎ" and coda in "ㄵㄼ"):
        _breathe(unit, after)
    else:
        _close(unit, after, blank)


def _link(unit: _Syllable, after: _Syllable) -> None:
    coda = unit.coda
    soft = after.vowel == "ㅣ" or after.vowel == "ㅕ"
    if coda == "ㅇ":
        return
    if coda in "ㅎㄶㅀ":
        unit.coda = ""
        after.onset = {"ㅎ": "ㅇ", "ㄶ": "ㄴ", "ㅀ": "ㄹ"}[coda]
    elif soft and coda in "ㄷㅌ":
        unit.coda, after.onset = "", "ㅈ" if coda == "ㄷ" else "ㅊ"
    elif soft and coda == "ㄾ":
        unit.coda, after.onset = "ㄹ", "ㅊ"
    elif coda in _LINKED:
        unit.coda, after.onset = _LINKED[coda][0], _LINKED[coda][1]
    else:
        unit.coda, after.onset = "", coda


def _breathe(unit: _Syllable, after: _Syllable) -> None:
    """An end that stops the breath and ㅎ: one aspirated consonant."""
    coda = unit.coda
    if coda in "ㄺㄼㄵ":
        aspirated = {"ㄺ": "ㄹㅋ", "ㄼ": "ㄹㅍ", "ㄵ": "ㄴㅊ"}[coda]
        unit.coda, after.onset = aspirated[0], aspirated[1]
        return
    closed = "ㅈ" if coda == "ㅈ" or (coda == "ㄷ" and after.vowel == "ㅣ") else _CLOSED[coda]
    unit.coda, after.onset = "", _ASPIRATED[closed]


def _close(unit: _Syllable, after: _Syllable, blank: bool) -> None:
    coda, closed = unit.coda, _CLOSED[unit.coda]
    if (
        coda == "ㄺ"
        and after.onset == "ㄱ"
        and not blank
        and (unit.onset, unit.vowel) not in {("ㄷ", "ㅏ"), ("ㅎ", "ㅡ")}
    ):
        closed = "ㄹ"  # 읽고; but 닭고기, 흙과
    if coda == "ㄼ" and (unit.onset, unit.vowel) == ("ㅂ", "ㅏ"):
        closed = "ㅂ"  # 밟다
    tense = (
        closed in "ㄱㄷㅂ"
        or coda in "ㄼㄽㄾㄺ"
        or (coda in "ㄵㄻ" and (unit.onset, unit.vowel) != ("ㅅ", "ㅏ"))
    )
    if blank and closed == "ㄹ" and after.onset in "ㄱㅅㄷㅂㅈ" and unit.coda == "ㄹ":
        tense = unit.vowel in "ㅏㅓㅗㅜㅡㅣㅐㅔㅘㅝㅕ" and _sound(after) in _BOUND_NOUNS  # 할 것
    if tense and after.onset in _TENSE:
        after.onset = _TENSE[after.onset]
    elif after.onset in "ㄴㅁ" and closed in _NASAL:
        closed = _NASAL[closed]
    elif after.onset == "ㄹ" and closed in "ㄱㄷㅂㅁㅇ":
        closed, after.onset = _NASAL.get(closed, closed), "ㄴ"
    elif {closed, after.onset} == {"ㄴ", "ㄹ"} or (closed, after.onset) == ("ㄹ", "ㄴ"):
        closed, after.onset = "ㄹ", "ㄹ"
    unit.coda = closed


def _sound(unit: _Syllable) -> str:
    code = (_ONSETS.index(unit.onset) * 21 + _VOWELS.index(unit.vowel)) * 28 + _CODAS.index(unit.coda)
    return chr(0xAC00 + code)
