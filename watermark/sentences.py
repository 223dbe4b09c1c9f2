"""What each verdict, and each state of a consent, does and does not mean: one sentence in both languages, as signed."""

from __future__ import annotations

from watermark.reading.findings import Compared, RecordFinding
from watermark.reading.verdict import Verdict

SENTENCES: dict[Verdict, dict[str, str]] = {
    Verdict.ISSUED: {
        "en": "This speech was generated here and its content matches our record. It is synthetic; it is not a "
        "recording of the person.",
        "zh-hans": "这段语音由本服务生成，内容与我们的记录一致。它是合成语音，不是本人的录音。",
    },
    Verdict.ISSUED_DISTURBED: {
        "en": "This speech was generated here, but the file is too disturbed, or changed in speed or pitch, to compare "
        "it word by word. We vouch for no single word of it. It is synthetic; it is not a recording of the person.",
        "zh-hans": "这段语音由本服务生成，但文件受扰过重，或速度、音高有变，无法逐词比对。我们不为其中任何一个词作保。它是"
        "合成语音，不是本人的录音。",
    },
    Verdict.ISSUED_EDITED: {
        "en": "This speech was generated here and then changed: it was cut, or parts no longer match our record. "
        "We vouch only for the seconds that are shown as matching.",
        "zh-hans": "这段语音由本服务生成，但之后被改动过：有剪切，或部分内容与记录不符。我们只对标为吻合的部分负责。",
    },
    Verdict.PARTIAL: {
        "en": "Part of this file was generated here; other parts carry no mark of ours or were not searched. About "
        "those parts we say nothing.",
        "zh-hans": "文件的一部分由本服务生成；其余部分没有我们的标记或未经检测，对那些部分我们不作判断。",
    },
    Verdict.MIXED_RECORDS: {
        "en": "This file is put together from several recordings that were generated here. The combination was "
        "not made by us.",
        "zh-hans": "这个文件由多段本服务生成的语音拼接而成，拼接并非由我们完成。",
    },
    Verdict.TRANSPLANTED: {
        "en": "A mark of ours was found on audio that is not what we issued under it. The mark was copied or "
        "forged; this is no evidence that the audio comes from us.",
        "zh-hans": "文件带有我们的标记，但声音内容并非我们以该标记发布的内容。标记系复制或伪造，不能证明音频出自本服务。",
    },
    Verdict.UNVERIFIED_MARK: {
        "en": "There is a mark of ours, or traces of one, but it cannot be tied to what we issued: no record can be "
        "read, or the sound is too disturbed to compare. It may be damaged or imitated; we claim nothing about this "
        "audio.",
        "zh-hans": "文件中有我们的标记或其痕迹，但无法与我们发布的内容对应：读不出记录，或声音受扰过重、无法比对。标记可能"
        "受损或被仿造，我们对此音频不作任何认定。",
    },
    Verdict.FOREIGN_WATERMARK: {
        "en": "A public watermark for synthetic speech was found that carries another message than ours. Another "
        "tool may have generated this audio; such a mark can also be added by anybody.",
        "zh-hans": "检测到公开的合成语音水印，其所载信息与我们的不同。可能由其他工具生成；任何人也都能添加这类水印。",
    },
    Verdict.NO_WATERMARK: {
        "en": "No mark of ours was found. That does not mean the audio is real: it may be synthetic and made "
        "elsewhere, or its mark may have been destroyed.",
        "zh-hans": "没有找到我们的标记。这并不说明音频是真实的：它可能由别处合成，也可能标记已被破坏。",
    },
    Verdict.INCONCLUSIVE: {
        "en": "There is too little sound in this file to say anything.",
        "zh-hans": "文件中的声音太少，无法作出判断。",
    },
}

_WIDE_HZ = 6_500
_LITTLE = 0.03


def sentence_of(verdict: Verdict, named: RecordFinding | None) -> dict[str, str]:
    """What a verdict says, in both languages; of one record that was compared, also how far that was possible."""
    said = dict(SENTENCES[verdict])
    if named is None or named.compared != Compared.WORDS or verdict not in _COMPARED_VERDICTS:
        return said
    limits = comparison_limits(named)
    return {
        language: said[language] + (text if language == "zh-hans" else " " + text)
        for language, text in limits.items()
    }


_COMPARED_VERDICTS = (Verdict.ISSUED, Verdict.ISSUED_EDITED, Verdict.PARTIAL)


def comparison_limits(named: RecordFinding) -> dict[str, str]:
    """How a record was compared, and what of it could not be: bands that the file lacks, sound under its noise."""
    en, zh = ["It was compared word by word"], ["已逐词比对"]
    if named.heard_to_hz is not None and named.heard_to_hz < _WIDE_HZ:
        en.append(f"below {round(named.heard_to_hz, -2):.0f} Hz, above which this file holds nothing")
        zh.append(f"（仅限 {round(named.heard_to_hz, -2):.0f} Hz 以下，以上文件中没有内容）")
    text_en, text_zh = " ".join(en) + ".", "".join(zh) + "。"
    if named.under_noise > _LITTLE:
        percent = round(100 * named.under_noise)
        text_en += f" {percent} % of our sound lies under this file's noise and could not be compared."
        text_zh += f"有 {percent}% 的声音被文件的噪声掩盖，无法比对。"
    return {"en": text_en, "zh-hans": text_zh}


CONSENT_SENTENCES: dict[str, dict[str, str]] = {
    "live": {
        "en": "The owner of the voice permits such speech today. That says nothing about who uses this file, or "
        "what for.",
        "zh-hans": "声音的主人目前仍允许合成此类语音。这不说明谁在使用这个文件、用于什么目的。",
    },
    "superseded": {
        "en": "This speech was made under an earlier version of the owner's permission, which has been renewed "
        "since. The permission was in force when the speech was made.",
        "zh-hans": "这段语音依据声音主人较早版本的授权生成，该授权此后已更新。生成时授权有效。",
    },
    "expired": {
        "en": "The owner's permission was in force when this speech was made and has run out since. It does not "
        "mean that the speech was made without permission.",
        "zh-hans": "这段语音生成时授权有效，此后授权已到期。这不表示语音是未经许可生成的。",
    },
    "revoked": {
        "en": "The owner of the voice has withdrawn permission since. It does not mean that the speech was made "
        "without permission; whether it may still be used is for others to say.",
        "zh-hans": "声音的主人此后撤销了授权。这不表示语音是未经许可生成的；能否继续使用，须由他人判断。",
    },
    "taken_down": {
        "en": "We no longer serve this file. Copies elsewhere are beyond our reach, and this says nothing about "
        "whether its content is lawful.",
        "zh-hans": "我们已不再提供这个文件。他处的副本不在我们控制之内；这也不说明其内容是否合法。",
    },
}
