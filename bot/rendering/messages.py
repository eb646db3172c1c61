"""PURE: what a message looks like: Block Kit, Japanese and English, people's text as plain text."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from bot.rendering.catalogue import escaped
from hub.domain.sentences import joined
from hub.outbox.messages import Claimed
from hub.outbox.notice_text import CHANNELS, NOTICES
from hub.outbox.redaction import Ending, Faded
from models.kinds import Letter, Notice

BUTTON = "not-me"
APPROVE = "approve"
Block = dict[str, Any]
_WORDS = {
    "en": {
        "code": "One-time password for {service}",
        "code-line": "{code} is your one-time password for {service}.",
        "hidden-line": "A one-time password for {service}. Open the message to see it.",
        "account": "Account",
        "label": "Label",
        "from": "Login from",
        "at": "Requested at",
        "until": "Valid until",
        "used": "This one-time password was used at {time}.",
        "over": "This one-time password is no longer valid.",
        "approval-line": "Somebody is logging in to {service} with your password. Approve it only if it is you.",
        "approval-how": "Press Approve and type the two digits that the login page shows.",
        "approve": "Approve",
        "approved": "This login was approved at {time}.",
        "approval-over": "This request has expired. Nothing was approved.",
        "disowned": "You reported that this was not you. Logins under way and the session behind it were ended.",
        "desk-told": "The help desk was notified.",
        "codes-from": "No codes are sent to this account until {time}.",
        "not-me": "This was not me",
        "linked": "Linked to {service} as “{about}”: one-time passwords can come here.",
        "unlink": "`/tegata unlink` stops messages to this Slack account.",
        "desk": "Help desk: a member reported “This was not me.”",
        "what": "What",
        "contact": "Contact",
        "asked": "Asked",
        "reported": "Reported",
        "done-from": "Done from",
        "done-at": "At",
    },
    "ja": {
        "code": "{service} のワンタイムパスワード",
        "code-line": "{service} のワンタイムパスワードは {code} です。",
        "hidden-line": "{service} のワンタイムパスワードです。メッセージを開いてご確認ください。",
        "account": "アカウント",
        "label": "ラベル",
        "from": "アクセス元",
        "at": "日時",
        "until": "有効期限",
        "used": "このワンタイムパスワードは {time} に使用されました。",
        "over": "このワンタイムパスワードは無効になりました。",
        "approval-line": "あなたのアカウントで {service} へのログインが要求されています。"
        "ご自身の場合だけ承認してください。",
        "approval-how": "「承認」を押し、ログイン画面に表示された2桁の数字を入力してください。",
        "approve": "承認",
        "approved": "このログインは {time} に承認されました。",
        "approval-over": "この承認依頼は期限切れです。承認は行われていません。",
        "disowned": "「心当たりがない」とのご報告を受け、進行中のログインと、操作のあったセッションを終了しました。",
        "desk-told": "窓口に連絡しました。",
        "codes-from": "{time} まで、このアカウントへのコードの送信を停止しています。",
        "not-me": "心当たりがない",
        "linked": "{service} と「{about}」として連携しました。ワンタイムパスワードをここで受け取れます。",
        "unlink": "`/tegata 連携解除` で、このSlackアカウントへの送信を止められます。",
        "desk": "窓口へ: 利用者から「心当たりがない」との連絡がありました。",
        "what": "対象",
        "contact": "連絡先",
        "asked": "要求",
        "reported": "連絡",
        "done-from": "操作元",
        "done-at": "日時",
    },
}
# Slack sets the service's name apart from the Japanese text around it.
_NOTICES = {**NOTICES, ("ja", Notice.NEW_LOGIN): "{service} へのログインがありました。"}


# What was disowned, where no notice announced it.
_DISOWNED: dict[str, tuple[str, ...]] = {
    "code": ("ワンタイムパスワード", "one-time password"),
    "approval": ("Slack でのログインの承認", "approval of a login in Slack"),
    "lock": ("Slack での「止める」", "lock, typed in Slack"),
    "confirmation": (
        "メールアドレスの登録（宛先の方が拒否）",
        "address registration, refused by its reader",
    ),
}


@dataclass(frozen=True, slots=True)
class Head:
    """What every message says of its sender."""

    service_in: Callable[[str], str]
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its blocks, and the text that notifications show and screen readers read."""

    text: str
    blocks: list[Block]


def message_of(claimed: Claimed, head: Head) -> Message | None:
    """Write a delivery as a message; None for a letter that never goes by Slack."""
    if claimed.letter is Letter.CODE:
        return _code(claimed, head)
    if claimed.letter is Letter.APPROVAL:
        return _approval(claimed, head)
    return _notice(claimed, head) if claimed.letter is Letter.NOTICE else None


def faded(one: Faded, head: Head) -> Message:
    """Write what stands in a code's place when the code has ended."""
    words = _WORDS[one.language]
    if one.ending is Ending.DISOWNED:
        return disowned(one.codes_from, one.language, head.zone)
    is_approval = one.letter is Letter.APPROVAL
    if one.ending is Ending.OVER:
        over = words["approval-over" if is_approval else "over"]
        return Message(over, [plain(over)])
    line = words["approved" if is_approval else "used"].format(time=moment(one.at, head.zone))
    # Whoever finds a code used that they did not type still has the way to say so.
    return Message(line, [plain(line), _not_me(words, one.message_id.strip("<>"))])


def disowned(codes_from: datetime | None, language: str, zone: tzinfo, *, is_desk_told: bool = False) -> Message:
    """Write what stands in a message's place when its reader said that it was not them."""
    words = _WORDS[language]
    line = words["disowned"]
    if codes_from is not None:
        line = joined(line, words["codes-from"].format(time=moment(codes_from, zone)))
    if is_desk_told:
        line = joined(line, words["desk-told"])
    return Message(line, [plain(line)])


def _code(claimed: Claimed, head: Head) -> Message:
    words = _WORDS[claimed.language]
    line = words["hidden-line" if claimed.hides_code else "code-line"]
    return Message(
        escaped(line.format(code=claimed.code, service=head.service_in(claimed.language))),
        [
            plain(words["code"].format(service=head.service_in(claimed.language))),
            {"type": "header", "text": {"type": "plain_text", "text": claimed.code}},
            _login_asked(claimed, head),
            _not_me(words, claimed.message_id.strip("<>")),
        ],
    )


def _approval(claimed: Claimed, head: Head) -> Message:
    """Ask for an approval; what is to be typed stands on the page alone."""
    words = _WORDS[claimed.language]
    line = words["approval-line"].format(service=head.service_in(claimed.language))
    message_id = claimed.message_id.strip("<>")
    buttons = _not_me(words, message_id)
    approve = {
        "type": "button",
        "action_id": APPROVE,
        "style": "primary",
        "text": {"type": "plain_text", "text": words["approve"]},
        "value": message_id,
    }
    return Message(
        escaped(line),
        [
            plain(line),
            _login_asked(claimed, head),
            plain(words["approval-how"]),
            {**buttons, "elements": [approve, *buttons["elements"]]},
        ],
    )


def _login_asked(claimed: Claimed, head: Head) -> Block:
    """Say whose login it is, from where, and how long it waits."""
    words = _WORDS[claimed.language]
    return facts(
        (words["account"], claimed.account),
        (words["label"], claimed.label),
        (words["from"], _asker(claimed)),
        (words["at"], moment(claimed.named_at or claimed.asked_at, head.zone)),
        (words["until"], moment(claimed.expires_at, head.zone)),
    )


def _notice(claimed: Claimed, head: Head) -> Message:
    words, notice = _WORDS[claimed.language], Notice(claimed.notice)
    if notice is Notice.DISOWNED:
        return _for_desk(claimed, head)
    if notice is Notice.CONTACT_UNREACHABLE:
        return _unreachable(claimed, head)
    # The one that was linked is told what that is good for; the others, that it was done.
    is_linked = notice is Notice.SLACK_LINKED and claimed.label == claimed.subject_label
    line = words["linked"] if is_linked else _NOTICES[claimed.language, notice]
    line = line.format(about=claimed.subject_label, service=head.service_in(claimed.language))
    told = [(words["account"], claimed.account), (words["done-at"], moment(claimed.asked_at, head.zone))]
    if claimed.asked_from:
        told.insert(1, (words["done-from"], _asker(claimed)))
    blocks = [plain(line), facts(*told)]
    if is_linked:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": words["unlink"]}]})
    if claimed.not_me:
        blocks.append(_not_me(words, claimed.message_id.strip("<>")))
    return Message(escaped(line), blocks)


def _for_desk(claimed: Claimed, head: Head) -> Message:
    """Tell the help desk's channel, in both languages: no address of the member's, no code, no link of theirs."""
    what = _DISOWNED.get(claimed.answered, ("-",))
    if claimed.answered in set(Notice):
        notice = Notice(claimed.answered)
        what = tuple(
            _NOTICES[language, notice].format(about="…", service=head.service_in(language)) for language in ("ja", "en")
        )
    ja, en = _WORDS["ja"], _WORDS["en"]
    told = [(f"{ja['account']} / {en['account']}", claimed.account), (f"{ja['what']} / {en['what']}", " / ".join(what))]
    if claimed.disowned_at is not None:
        asked = f"{moment(claimed.disowned_at, head.zone)} {claimed.disowned_from} {claimed.disowned_with}"
        told.append((f"{ja['asked']} / {en['asked']}", asked))
    reported = f"{moment(claimed.asked_at, head.zone)} {claimed.asked_from} {claimed.asked_with}"
    told.append((f"{ja['reported']} / {en['reported']}", reported))
    line = f"{ja['desk']} / {en['desk']}"
    command = f"tegata account show {claimed.account}"
    return Message(escaped(f"{line} {claimed.account}"), [plain(line), facts(*told), plain(command)])


def _unreachable(claimed: Claimed, head: Head) -> Message:
    """Tell the help desk's channel of a contact that is not reached: its label alone, never its address."""
    ja, en = _WORDS["ja"], _WORDS["en"]
    line = "\n".join(NOTICES[language, Notice.CONTACT_UNREACHABLE] for language in ("ja", "en"))
    channel = CHANNELS.get(claimed.answered, "-")
    told = [
        (f"{ja['account']} / {en['account']}", claimed.account),
        (f"{ja['contact']} / {en['contact']}", f"{claimed.subject_label} ({channel})"),
        (f"{ja['done-at']} / {en['done-at']}", moment(claimed.asked_at, head.zone)),
    ]
    command = f"tegata account show {claimed.account}"
    return Message(escaped(line), [plain(line), facts(*told), plain(command)])


def _not_me(words: dict[str, str], message_id: str) -> Block:
    button = {
        "type": "button",
        "action_id": BUTTON,
        "style": "danger",
        "text": {"type": "plain_text", "text": words["not-me"]},
        "value": message_id,
    }
    return {"type": "actions", "elements": [button]}


def facts(*told: tuple[str, str]) -> Block:
    """Write names and what they are, two in a row."""
    return {
        "type": "section",
        "fields": [{"type": "plain_text", "text": f"{name}:\n{value}", "emoji": False} for name, value in told],
    }


def plain(text: str) -> Block:
    """Write a paragraph that may hold what people wrote."""
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _asker(claimed: Claimed) -> str:
    return f"{claimed.asked_from} ({claimed.asked_with})" if claimed.asked_with else claimed.asked_from


def moment(at: datetime, zone: tzinfo) -> str:
    """Write a date and a time."""
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} ({local.tzname()})"
