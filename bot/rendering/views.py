"""PURE: what members see of their account in Slack: its state, and the modals in which something is typed."""

from collections.abc import Iterable
from typing import Any

from bot.rendering.messages import APPROVE, Block, Head, facts, moment, plain
from hub.contacts.contacts import ContactLine
from hub.inbound.chat_commands import State
from hub.login.approvals import Requested
from hub.sessions.sessions import SessionLine
from models.kinds import Channel

ADD, CONFIRM, CODE, LOCK, LINK = "add", "confirm", "code", "lock", "link"
END_SESSION, SHORTCUT = "end-session", "tegata"
LANGUAGE = {"ja": "language-ja", "en": "language-en"}
View = dict[str, Any]
# Slack's own limit.
_TITLE = 24
_VALUE = 2000
_WORDS = {
    "en": {
        "account": "Account {account}",
        "contacts": "Contacts",
        "none": "Nothing is registered yet. Add an address here.",
        "mail": "mail",
        "slack": "Slack",
        "confirmed": "confirmed",
        "waiting": "waits for the code in its mail",
        "suspended": "suspended",
        "soft-tokens": "Soft tokens: {number}",
        "matrix": "Matrix card: yes",
        "no-matrix": "Matrix card: no",
        "sessions": "Open sessions",
        "no-sessions": "No session is open.",
        "blocked": "Codes are paused until {time} because a login was reported as not yours.",
        "end": "End",
        "add": "Add an email address",
        "add-title": "Add an address",
        "label": "Label",
        "address": "Email",
        "add-ok": "Add",
        "enter": "Enter the code",
        "enter-title": "Confirm an address",
        "entered": "Code in the mail",
        "mailed": "The code is in the mail to “{label}”.",
        "ok": "OK",
        "cancel": "Cancel",
        "close": "Close",
        "code": "Send the code again",
        "lock": "It was not me",
        "lock-title": "End everything?",
        "lock-text": "All logins and sessions of this account end, and no codes are sent for an hour.",
        "lock-ok": "Yes, end it",
        "approve-title": "Approve in Slack",
        "approve": "Approve",
        "digits": "The two digits on the page",
        "approve-text": "Somebody is logging in as {account}. If it is not you, cancel and press “This was not me”.",
        "from": "Login from",
        "link": "Link",
        "language": "Language",
    },
    "ja": {
        "account": "アカウント {account}",
        "contacts": "連絡先",
        "none": "まだ何も登録されていません。ここでアドレスを追加できます。",
        "mail": "メール",
        "slack": "Slack",
        "confirmed": "確認済み",
        "waiting": "メールのコードの入力待ち",
        "suspended": "停止中",
        "soft-tokens": "ソフトトークン: {number}件",
        "matrix": "マトリクスカード: あり",
        "no-matrix": "マトリクスカード: なし",
        "sessions": "ログイン中のセッション",
        "no-sessions": "ログイン中のセッションはありません。",
        "blocked": "心当たりのないログインとして報告があったため、{time} までコードの送信を停止しています。",
        "end": "終了",
        "add": "メールアドレスを追加",
        "add-title": "メールアドレスの追加",
        "label": "ラベル",
        "address": "メールアドレス",
        "add-ok": "追加",
        "enter": "コードを入力",
        "enter-title": "メールアドレスの確認",
        "entered": "メールに記載のコード",
        "mailed": "「{label}」へのメールに記載されたコードを入力してください。",
        "ok": "OK",
        "cancel": "キャンセル",
        "close": "閉じる",
        "code": "コードをもう一度送る",
        "lock": "心当たりがない",
        "lock-title": "すべて止めますか",
        "lock-text": "このアカウントのログインとセッションをすべて終了し、1時間コードを送りません。",
        "lock-ok": "止める",
        "approve-title": "Slackで承認",
        "approve": "承認",
        "digits": "画面に表示された2桁の数字",
        "approve-text": "誰かが {account} としてログインしようとしています。ご自身でなければ、キャンセルして"
        "「心当たりがない」を押してください。",
        "from": "アクセス元",
        "link": "連携する",
        "language": "言語",
    },
}


def state_of(state: State, language: str, head: Head) -> list[Block]:
    """Show how an account stands, with what can be done."""
    words = _WORDS[language]
    blocks = [_header(words["account"].format(account=state.account))]
    if state.codes_blocked_until is not None:
        blocks.append(plain(words["blocked"].format(time=moment(state.codes_blocked_until, head.zone))))
    blocks += contacts_of(state.contacts, language)
    matrix = words["matrix" if state.has_matrix else "no-matrix"]
    blocks.append(plain(f"{words['soft-tokens'].format(number=state.soft_tokens)}\n{matrix}"))
    blocks.append(
        _actions(
            _button(words["add"], ADD),
            _button(words["code"], CODE),
            _button(words["lock"], LOCK, style="danger", confirm=_sure(words)),
        )
    )
    return [*blocks, *sessions_of(state.sessions, language, head), languages_of(language)]


def contacts_of(contacts: Iterable[ContactLine], language: str) -> list[Block]:
    """List the contacts; one that waits has the button for its code."""
    words = _WORDS[language]
    listed = [_contact(one, words) for one in contacts]
    return [_header(words["contacts"]), *(listed or [plain(words["none"])])]


def sessions_of(sessions: Iterable[SessionLine], language: str, head: Head) -> list[Block]:
    """List the open sessions, with a button each that ends it."""
    words = _WORDS[language]
    listed = [
        {
            **plain(f"{one.browser or '-'}, {one.address}\n{moment(one.opened_at, head.zone)}"),
            "accessory": _button(words["end"], END_SESSION, value=str(one.id)),
        }
        for one in sessions
    ]
    return [_header(words["sessions"]), *(listed or [plain(words["no-sessions"])])]


def languages_of(language: str) -> Block:
    """Offer both languages."""
    buttons = (_button({"ja": "日本語", "en": "English"}[one], action, value=one) for one, action in LANGUAGE.items())
    return {**_actions(*buttons), "block_id": f"language-{language}"}


def enter_code(contact_id: int, language: str) -> Block:
    """Give the button that opens the modal for a mail's code."""
    return _actions(_button(_WORDS[language]["enter"], CONFIRM, value=str(contact_id)))


def home(blocks: list[Block]) -> View:
    """Show blocks as an App Home."""
    return {"type": "home", "blocks": blocks}


def home_unlinked(sentence: str, language: str) -> View:
    """Show why nothing is linked, with the button that links."""
    return home(unlinked(sentence, language))


def window(title: str, blocks: list[Block], language: str) -> View:
    """Show blocks as a modal in which nothing is sent."""
    return {
        "type": "modal",
        "callback_id": SHORTCUT,
        "title": _text(title[:_TITLE]),
        "close": _text(_WORDS[language]["close"]),
        "blocks": blocks,
    }


def told(title: str, sentence: str, language: str) -> View:
    """Show one sentence as a modal."""
    return window(title, [spoken(sentence)], language)


def unlinked(sentence: str, language: str) -> list[Block]:
    """Say why nothing is linked, with the button that links."""
    return [spoken(sentence), _actions(_button(_WORDS[language]["link"], LINK, style="primary"))]


def text_of(view: View) -> str:
    """Give the sentences of a view as one text, for where no window can be shown."""
    texts = [block.get("text") for block in view.get("blocks") or () if block.get("type") == "section"]
    return "\n".join(str(text["text"]) for text in texts if text)


def open_form(language: str, *, typed: str = "") -> Block:
    """Give the button that opens the form for an address, with what was typed already."""
    return _actions(_button(_WORDS[language]["add"], ADD, value=typed[:_VALUE]))


def add_address(language: str, *, label: str = "", address: str = "") -> View:
    """Ask for a label and an address; what was typed already stands in the fields."""
    words = _WORDS[language]
    fields = [
        _input("label", words["label"], most=200, typed=label),
        _input("address", words["address"], most=320, typed=address),
    ]
    return _form(ADD, words["add-title"], words["add-ok"], fields, language=language)


def add_code(contact_id: int, language: str, *, label: str = "") -> View:
    """Ask for the code in a mail."""
    words = _WORDS[language]
    said = [plain(words["mailed"].format(label=label))] if label else []
    fields = [*said, _input("code", words["entered"], most=32)]
    return {**_form(CONFIRM, words["enter-title"], words["ok"], fields, language=language)} | {
        "private_metadata": str(contact_id)
    }


def approve(message_id: str, asked: Requested) -> View:
    """Ask for the two digits on the page."""
    words = _WORDS[asked.language]
    asker = f"{asked.asked_from} ({asked.asked_with})" if asked.asked_with else asked.asked_from
    fields = [
        plain(words["approve-text"].format(account=asked.account)),
        facts((words["from"], asker)),
        _input("digits", words["digits"], most=8),
    ]
    form = _form(APPROVE, words["approve-title"], words["approve"], fields, language=asked.language)
    return form | {"private_metadata": message_id}


def approve_title(language: str) -> str:
    """Give the title of what an approval came to."""
    return _WORDS[language]["approve-title"]


def errors(field: str, sentence: str) -> View:
    """Answer a modal with a sentence under one of its fields."""
    return {"response_action": "errors", "errors": {field: sentence}}


def instead(view: View) -> View:
    """Answer a modal with another one in its place."""
    return {"response_action": "update", "view": view}


def _contact(one: ContactLine, words: dict[str, str]) -> Block:
    kind = words["slack" if one.channel is Channel.SLACK else "mail"]
    block = plain(f"{one.label}\n{one.shown} ({kind}): {words[_stand(one)]}")
    if one.confirmed_at is None and one.channel is Channel.MAIL:
        return {**block, "accessory": _button(words["enter"], CONFIRM, value=str(one.id))}
    return block


def _stand(one: ContactLine) -> str:
    if one.suspended_at is not None:
        return "suspended"
    return "waiting" if one.confirmed_at is None else "confirmed"


def _form(callback: str, title: str, submit: str, fields: list[Block], *, language: str) -> View:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": _text(title[:_TITLE]),
        "submit": _text(submit),
        "close": _text(_WORDS[language]["cancel"]),
        "blocks": fields,
    }


def _input(name: str, label: str, *, most: int, typed: str = "") -> Block:
    element = {"type": "plain_text_input", "action_id": name, "max_length": most}
    if typed:
        element["initial_value"] = typed[:most]
    return {"type": "input", "block_id": name, "label": _text(label), "element": element}


def _button(words: str, action: str, *, value: str = "", style: str = "", confirm: Block | None = None) -> Block:
    made: Block = {"type": "button", "action_id": action, "text": _text(words), "value": value or action}
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def _sure(words: dict[str, str]) -> Block:
    return {
        "title": _text(words["lock-title"]),
        "text": _text(words["lock-text"]),
        "confirm": _text(words["lock-ok"]),
        "deny": _text(words["cancel"]),
    }


def _actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def _header(text: str) -> Block:
    return {"type": "header", "text": _text(text)}


def _text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def spoken(text: str) -> Block:
    """A sentence of ours, whose commands stand out; nothing that people wrote."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}
