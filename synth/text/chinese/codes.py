"""Codes and formulas in Chinese text, which mix letters and digits: read before languages are told apart.

Afterwards the letters are English and their digits stand alone. The letters stay, digits and signs become Chinese.
"""

from __future__ import annotations

import re

from synth.text.characters import roman
from synth.text.chinese.numbers import by_digit, cardinal, number
from synth.text.chinese.rules import multiplied, scaled
from synth.text.chinese.tables import SIGNS
from synth.text.chinese.written import power

_HAN = re.compile("[㐀-鿿]")
_VEHICLE = re.compile(
    r"(?<![A-Za-z0-9.])(?:[GDCZTKYSL](?P<train>\d{1,4})(?=\s?次(?![方幂]))"
    r"|(?:[A-Z]{2}|[A-Z]\d|\d[A-Z])(?P<flight>\d{3,4})(?=\s?(?:次|号)?(?:航班|班机)))"
    r"|(?:(?<=航班)|(?<=航班号)|(?<=车次)|(?<=列车))[A-Z]{1,2}(?P<named>\d{1,4})(?![A-Za-z0-9])"
)
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领]\s?[A-Z][·•・ -]?[A-Z0-9]{4,6}"
    r"[警学挂港澳]?(?![A-Za-z0-9])"
)
# A long number behind letters, or any behind letters that are said to be a number.
_CODE = re.compile(
    r"(?<![A-Za-z0-9.])[A-Z]{1,5}-?(?P<long>\d{5,}|0\d{2,})(?![A-Za-z0-9]|\.\d)"
    r"|(?:(?<=号)|(?<=码)|(?<=号[:：是为])|(?<=码[:：是为]))\s?[A-Za-z]{1,5}-?(?P<named>\d{3,})(?![A-Za-z0-9]|\.\d)"
)
_AGAINST = re.compile(r"(?<![A-Za-z0-9.])(\d{1,3}(?:[VvＶ]\d{1,3})+)(?![A-Za-z0-9.])")
_TEN_THOUSANDS = re.compile(
    r"(?<![A-Za-z0-9.])(?P<number>\d+(?:\.\d+)?)\s?(?P<scale>[Ww])(?P<more>\+?)(?![A-Za-z0-9])"
)
_POWER_BEFORE = re.compile(
    "(?:功率|瓦|充电|快充|输出|额定|灯|充电器|电源|风扇|空调|马达|电机)[^，。！？]{0,6}$"
)
_POWER_AFTER = re.compile(
    "的?(?:灯|功率|快充|充电|充|电源|电机|音|风扇|的?LED|无线充|适配器|处理器|太阳能|电器)"
)
_CHAT_BEFORE = re.compile(
    "(?:粉丝?|年薪|月薪|薪资|收入|月入|年入|工资|存款|播放量?|阅读量?|点赞|浏览|销量|卖了?|花了?|赚了?|约|超过?|破|近|共"
    "|价格?|奖金|预算|涨了?|欠了?)$"
)
_CHAT_AFTER = re.compile("[人块元个粉次字点多播阅赞件套条份台单户家左以来+]|存款|销量|彩礼")
_THOUSANDS = re.compile(
    r"(?:(?<=薪)|(?<=资)|(?<=价)|(?<=入)|(?<=资是)|(?<=薪是))(?P<sum>\d+(?:\.\d+)?)(?P<scale>[kK])(?![A-Za-z0-9])"
    r"|(?<![A-Za-z0-9.])(?P<counted>\d+(?:\.\d+)?)(?P<of>[kK])(?=[块元人粉])"
)
_MONEY = re.compile(r"(?<=[$¥€£])(?P<sum>\d+(?:\.\d+)?)(?P<scale>[KMBkmb])(?![A-Za-z0-9])")
_KINGS = (
    "伊丽莎白|亨利|路易|查理|查尔斯|爱德华|乔治|威廉|尼古拉|亚历山大|约翰|保罗|保禄|本笃|腓特烈|拿破仑|叶卡捷琳娜|"
    "菲利普|腓力|詹姆斯|理查"
)
_ROMAN = "X{0,3}(?:IX|IV|V?I{0,3})"
_NUMERAL = re.compile(
    rf"(?P<king>{_KINGS})\s?(?P<nth>(?=[IVX]){_ROMAN})(?![A-Za-z0-9.])世?"
    rf"|(?<=[㐀-鿿])\s?(?P<which>(?=[IVX]{{2}}){_ROMAN})(?![A-Za-z0-9.])"
)
_RAISED = r"(?:⁻?[⁰¹²³⁴-⁹]+|\^\(?[-−]?\d+\)?)"
_TERM = rf"[(（]?[-−]?(?:\d+(?:\.\d+)?(?:[A-Za-z](?![A-Za-z]))?|[A-Za-zα-ωΑ-Ω](?![A-Za-z])){_RAISED}?[)）]?"
_ADDRESS = re.compile(r"(\S*(?:://|www\.|@)[\w.+/?#=&%:-]*)", re.ASCII)
_FORMULA = re.compile(
    rf"(?<![A-Za-z0-9_.-]){_TERM}(?:\s?(?:[+×*÷=≠≈≤≥<>]|[-−](?!\d{{3,}}-)|!=|<=|>=|==)\s?{_TERM}){{1,24}}(?![A-Za-z0-9_]|[.-]\d)"
)


def with_codes(text: str, *, yao: bool = True) -> str:
    """Numbers of trains, flights, plates and orders digit by digit; 1V1, 5W人, 亨利VIII and formulas in words.

    ``yao``: 1 is 幺, as in Mandarin.
    """

    def coded(match: re.Match[str]) -> str:
        return re.sub(r"\d+", lambda digits: by_digit(digits[0], yao=yao), match[0])

    def numbered(match: re.Match[str]) -> str:
        digits = match["train"] or match["flight"] or match["named"]
        spoken = by_digit(digits, yao=yao) if len(digits) > 2 else cardinal(digits)
        return match[0][: -len(digits)] + spoken

    parts = _ADDRESS.split(text)
    parts[::2] = [_FORMULA.sub(_formula, part) for part in parts[::2]]
    text = "".join(parts)
    if not _HAN.search(text):
        return text
    text = _MONEY.sub(lambda m: multiplied(m["sum"], m["scale"]), text)
    text = _VEHICLE.sub(numbered, text)
    text = _CODE.sub(coded, _PLATE.sub(coded, text))
    text = _AGAINST.sub(lambda m: re.sub(r"\d+", lambda digits: cardinal(digits[0]), m[0]), text)
    text = _THOUSANDS.sub(lambda m: scaled(m["sum"] or m["counted"], "K"), text)
    text = _TEN_THOUSANDS.sub(_ten_thousands, text)
    return _NUMERAL.sub(_numeral, text)


def _ten_thousands(match: re.Match[str]) -> str:
    """5W人 is 五万人 in chats; 60W灯泡 has watts."""
    before = match.string[max(0, match.start() - 14) : match.start()]
    after = match.string[match.end() : match.end() + 10]
    if _POWER_BEFORE.search(before) or _POWER_AFTER.match(after):
        return match[0]
    chat = match["scale"] == "w" or match["more"] or _CHAT_BEFORE.search(before) or _CHAT_AFTER.match(after)
    return number(match["number"]) + "万" + "多" * bool(match["more"]) if chat else match[0]


def _numeral(match: re.Match[str]) -> str:
    if match["king"]:
        return f"{match['king']}{cardinal(str(roman(match['nth'])))}世"
    return cardinal(str(roman(match["which"])))


def _formula(match: re.Match[str]) -> str:
    """Signs and powers in words where there is a letter or a power: numbers alone are read by the rules."""
    text = match[0]
    if not re.search(r"[A-Za-zα-ωΑ-Ω⁰¹²³⁴-⁹^]", text) or not re.search(r"[=≠≈≤≥<>+×÷*⁰¹²³⁴-⁹^]", text):
        return text
    text = re.sub(r"[⁻]?[⁰¹²³⁴-⁹]+|\^\(?([-−]?\d+)\)?", power, text)
    text = re.sub(r"(?<![\w)])[-−](?=\d|[A-Za-z])", "负", text)
    text = re.sub(r"\s?(!=|<=|>=|==|[-+−×*÷=≠≈≤≥<>])\s?", lambda m: SIGNS[m[1]], text)
    return re.sub(r"\d+(?:\.\d+)?", lambda m: number(m[0]), text)
