"""The vocabulary of the log: which events exist, what they say to people, which facts they may carry.

An entry is public to its organisation for ever and cannot be edited, so what may stand in it is decided
here and nowhere else: known keys, and values that are identifiers, codes, hashes, counts or flags. Names,
addresses and texts have no key, and their characters are refused (no spaces, no ``@``, ASCII only). Texts
enter as commitments (`audit.services.commitment`), fractions as integers in a named unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"[A-Za-z0-9._:/+=,;#()\[\]~-]{0,512}\Z")
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_MAX_INTEGER = 2**53 - 1  # larger ones do not survive every JSON reader
_MAX_DEPTH = 6


@dataclass(frozen=True)
class EventType:
    """One kind of event: its sentence in both languages and the keys it cannot do without."""

    name: str
    sentence_en: str
    sentence_zh: str
    required: frozenset[str] = frozenset()

    def sentence(self, language: str = "en") -> str:
        return self.sentence_zh if language.startswith("zh") else self.sentence_en


def _event(name: str, sentence_en: str, sentence_zh: str, *required: str) -> tuple[str, EventType]:
    return name, EventType(name, sentence_en, sentence_zh, frozenset(required))


EVENTS: dict[str, EventType] = dict(
    (
        _event("account.created", "An account was created.", "创建了账户。"),
        _event("account.signed_in", "Somebody signed in.", "有人登录。", "kind"),
        _event("account.sign_in_failed", "A sign-in failed.", "登录失败。", "kind"),
        _event("account.password_changed", "A password was changed.", "更改了密码。"),
        _event("account.password_reset", "A password was reset by mail.", "通过邮件重置了密码。"),
        _event(
            "account.factor_added",
            "A passkey or second factor was added.",
            "添加了通行密钥或第二验证方式。",
            "kind",
        ),
        _event(
            "account.factor_removed",
            "A passkey or second factor was removed.",
            "移除了通行密钥或第二验证方式。",
            "kind",
        ),
        _event("organisation.created", "An organisation was created.", "创建了机构。"),
        _event("member.added", "A member joined the organisation.", "机构加入了一名成员。"),
        _event("member.removed", "A member left the organisation.", "机构移除了一名成员。"),
        _event("member.invited", "A member was invited.", "邀请了一名成员。"),
        _event("member.invitation_withdrawn", "An invitation was withdrawn.", "撤回了一份邀请。"),
        _event("member.role_changed", "A member's role was changed.", "成员的角色已更改。"),
        _event("api_key.created", "An API key was created.", "创建了 API 密钥。"),
        _event("api_key.revoked", "An API key was revoked.", "吊销了 API 密钥。"),
        _event("voice.registered", "A voice was registered.", "登记了一个声音。"),
        _event("voice.suspended", "A voice was suspended.", "停用了一个声音。"),
        _event("voice.resumed", "A suspended voice was resumed.", "恢复了一个声音。"),
        _event("voice.deleted", "A voice and its recordings were deleted.", "删除了声音及其录音。"),
        _event("voice.weights_added", "Weights made of a voice were added.", "添加了由声音训练的权重。"),
        _event("voice.weights_removed", "Weights made of a voice were removed.", "移除了由声音训练的权重。"),
        _event("consent.challenge_issued", "A statement to be spoken was issued.", "签发了待朗读的声明。"),
        _event("consent.recording_submitted", "A consent recording was submitted.", "提交了授权录音。"),
        _event("consent.approved", "Consent was approved.", "授权已通过。"),
        _event("consent.needs_review", "Consent waits for a reviewer.", "授权等待人工审核。"),
        _event("consent.rejected", "A consent recording was rejected.", "授权录音未通过。"),
        _event(
            "consent.reviewed", "A reviewer decided on a consent recording.", "审核员对授权录音作出了决定。"
        ),
        _event(
            "consent.asked_by_link",
            "A link was made by which the owner can consent.",
            "生成了供声音所有者授权的链接。",
        ),
        _event(
            "consent.link_used",
            "The owner opened the way to consent by a link.",
            "声音所有者使用了授权链接。",
        ),
        _event("consent.narrowed", "The owner permits less than before.", "声音所有者缩小了授权范围。"),
        _event(
            "consent.referred",
            "A doubt was handed to the installation's reviewers.",
            "疑问已移交平台审核员。",
        ),
        _event(
            "consent.approval_given",
            "One of two reviewers approved; another has to decide as well.",
            "两名审核员中已有一人同意，还需另一人决定。",
        ),
        _event(
            "voice.likeness_found",
            "Somebody handed in a recording that sounds like this voice; reviewers decide.",
            "有人提交了与此声音相似的录音，由审核员决定。",
        ),
        _event(
            "voice.likeness_answered",
            "The owner said what they think of a recording like this voice.",
            "声音所有者对相似录音作出了答复。",
        ),
        _event(
            "voice.print_declined",
            "The owner wants no print of this voice kept.",
            "所有者不同意保留声音印记。",
        ),
        _event("blocklist.changed", "The block list was changed.", "封禁名单已更改。"),
        _event("reviewer.changed", "Who reviews for the installation was changed.", "更改了平台审核员。"),
        _event("consent.revoked", "Consent was revoked.", "授权已撤销。"),
        _event("consent.expired", "Consent expired.", "授权已到期。"),
        _event(
            "consent.expiry_noticed",
            "The owner was told that the consent ends soon.",
            "已通知声音所有者授权即将到期。",
        ),
        _event("style.submitted", "A style clip was submitted.", "提交了风格片段。"),
        _event("style.approved", "A style clip was approved.", "风格片段已通过。"),
        _event("style.needs_review", "A style clip waits for a reviewer.", "风格片段等待人工审核。"),
        _event("style.rejected", "A style clip was rejected.", "风格片段未通过。"),
        _event("style.reviewed", "A reviewer decided on a style clip.", "审核员对风格片段作出了决定。"),
        _event("style.removed", "A style was removed.", "移除了一个风格。"),
        _event("synthesis.authorised", "Speech was authorised.", "已授权合成语音。"),
        _event("synthesis.refused", "Speech was refused.", "拒绝合成语音。"),
        _event(
            "synthesis.completed",
            "Speech was made, marked and released.",
            "语音已合成、标记并发布。",
            "output_sha256",
        ),
        _event(
            "synthesis.piece",
            "A piece of speech was marked and released while the rest was made.",
            "一段语音已标记并发布，其余部分仍在合成。",
            "output_sha256",
            "index",
        ),
        _event("synthesis.failed", "Speech could not be made.", "语音合成失败。"),
        _event("synthesis.cancelled", "Speech was cancelled.", "语音合成已取消。"),
        _event("output.downloaded", "An output was downloaded.", "下载了成品。"),
        _event("output.taken_down", "An output was taken down.", "下架了成品。"),
        _event("output.deleted", "The file of an output was deleted.", "删除了成品文件。"),
        _event("verification.queried", "A file was checked.", "核验了一个文件。"),
        _event("key.rotated", "A signing or marking key was replaced.", "更换了签名或标记密钥。"),
        _event("log.exported", "The log was exported.", "导出了日志。"),
        _event(
            "log.loss_accepted",
            "Entries were lost with the database; the log goes on without them.",
            "部分条目随数据库丢失；日志在缺少这些条目的情况下继续。",
            "previous_size",
            "root_sha256",
        ),
        _event(
            "backup.completed",
            "A backup was taken and verified.",
            "已创建并校验备份。",
            "manifest_sha256",
            "size",
        ),
        _event("backup.failed", "A backup failed.", "备份失败。"),
        _event(
            "backup.restored",
            "The installation was restored from a backup.",
            "系统已从备份恢复。",
            "size",
            "root_sha256",
        ),
        _event("log.checked", "The whole log was checked.", "已完整检查日志。", "size", "code"),
        _event("dictionary.changed", "The pronunciations were changed.", "更改了发音词典。"),
        _event("feedback.received", "Somebody said what they think of a verdict.", "收到对核验结果的反馈。"),
        _event("feedback.answered", "Feedback was answered.", "答复了一条反馈。"),
        _event("take_down.requested", "Somebody asked for a take-down.", "收到下架请求。", "due_at"),
        _event("take_down.decided", "A request for take-down was decided.", "处理了下架请求。"),
        _event(
            "biometrics.acknowledged",
            "A person acknowledged the biometric notice.",
            "本人确认了生物特征告知。",
        ),
        _event(
            "account.exported", "A person took a copy of what is held about them.", "本人导出了个人数据。"
        ),
        _event(
            "account.closed",
            "An account was closed and its person's data erased.",
            "注销账户并删除个人数据。",
        ),
        _event("records.expired", "Records were deleted when their time was over.", "到期记录已删除。"),
        _event(
            "project.created", "A script was handed in to be spoken line by line.", "提交了逐行合成的脚本。"
        ),
        _event(
            "project.changed", "Lines of a project were changed or stopped.", "更改或停止了项目中的台词。"
        ),
        _event(
            "project.track_made",
            "The lines of a project were laid out as one file.",
            "项目台词已合成为一个文件。",
            "export_sha256",
        ),
        _event(
            "project.exported",
            "The files of a project were downloaded together.",
            "打包下载了项目文件。",
            "export_sha256",
        ),
        _event("usage.reported", "A signed report of a voice's use was made.", "出具了声音使用的签名报告。"),
        _event("quota.changed", "What may be spoken in a day was changed.", "更改了每日用量限额。", "value"),
        _event(
            "webhook.created", "An address was added that is told of events.", "添加了接收事件通知的地址。"
        ),
        _event(
            "webhook.changed", "An address that is told of events was changed.", "更改了接收事件通知的地址。"
        ),
        _event(
            "webhook.deleted", "An address that is told of events was deleted.", "删除了接收事件通知的地址。"
        ),
        _event(
            "webhook.disabled",
            "An address that is told of events was switched off, for it did not answer.",
            "接收事件通知的地址因无响应而停用。",
            "reason",
        ),
        _event("settings.changed", "A setting of the organisation was changed.", "更改了机构设置。"),
    )
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Keys that hold a SHA-256 (or a commitment of the same shape) in lower-case hexadecimal.
HASH_KEYS = _words(
    """
    output_sha256 file_sha256 clip_sha256 recording_sha256 receipt_sha256 text_commitment text_sha256
    transcript_commitment person_commitment statement_sha256 scope_sha256 root_sha256 manifest_sha256
    fingerprint_sha256 embedding_sha256 weights_sha256 checkpoint_sha256 policy_sha256 reason_commitment
    note_commitment client_commitment export_sha256 report_sha256 s1_sha256 s2_sha256 dictionary_sha256
    """
)

# Keys that hold an identifier, a code, a version, a count, a flag, or lists and tables of these.
KEYS = HASH_KEYS | _words(
    """
    account_id user_id member_id organisation_id role previous_role api_key_id key_id key_prefix scopes
    voice_id voice_status style_id style_ids timbre_style_ids weights_id dictionary_id dictionary_version clip_id
    kind source challenge_id challenge_words attestations submission_id consent_id consent_version consent_state scope
    valid_from valid_until days_left expires_at revoked_at reason reasons code decision decided_by reviewer_id
    automatic gates model_versions thresholds attempt attempts verdict
    job_id project_id line batch_id output_id item priority state previous_state
    text_characters language languages emotion purpose purposes speed_milli seed parameters
    engine engine_version engine_is_preview is_preview content_source device warnings
    format media_type duration_ms sample_rate_hz channels bytes
    record_number mark_id mark_epoch mark_layers mark_score_milli mark_threshold_milli read_back label
    follow measurements disclosure
    present matched intervals layers confidence_milli candidates
    origin size index count first_index last_index destination epoch previous_key_id algorithm
    notice notice_places rule_id due_at request_id feedback_id from_date to_date
    setting value previous_value previous_size jobs_stopped outputs_affected retention_days service version
    has_keys taken_at endpoint_id events
    """
)


class BadEvent(ValueError):
    """The entry does not fit the vocabulary: a mistake in the calling code, not a refusal to show."""


def check(event: str, data: Mapping[str, Any]) -> None:
    """Raise `BadEvent` unless ``event`` exists and every fact in ``data`` may stand in the log."""
    if event not in EVENTS:
        raise BadEvent(f"unknown event {event!r}: add it to audit/events.py")
    missing = EVENTS[event].required - data.keys()
    if missing:
        raise BadEvent(f"{event} needs {sorted(missing)}")
    for key, value in data.items():
        if key not in KEYS:
            raise BadEvent(
                f"{event} may not carry {key!r}: add the key to audit/events.py if it is no personal data"
            )
        if key in HASH_KEYS and value is not None and not (isinstance(value, str) and _HASH.match(value)):
            raise BadEvent(f"{key} must be 64 lower-case hexadecimal digits")
        _check_value(key, value, 0)


def check_token(what: str, value: str) -> None:
    """Raise `BadEvent` unless ``value`` looks like an identifier or a code."""
    if not isinstance(value, str) or not _TOKEN.match(value):
        raise BadEvent(
            f"{what} must be an identifier or code (ASCII, no spaces, no @): texts enter as commitments"
        )


def _check_value(where: str, value: Any, depth: int) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > _MAX_INTEGER:
            raise BadEvent(f"{where} is too large for JSON: write it as text")
    elif isinstance(value, str):
        check_token(where, value)
    elif depth >= _MAX_DEPTH:
        raise BadEvent(f"{where} is nested too deeply")
    elif isinstance(value, list | tuple):
        for item in value:
            _check_value(where, item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_token(f"a key of {where}", key)
            _check_value(f"{where}.{key}", item, depth + 1)
    else:
        raise BadEvent(
            f"{where} is a {type(value).__name__}: only text, integers, flags, lists and tables fit"
        )
