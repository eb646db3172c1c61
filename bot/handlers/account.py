"""What a member asks with a word behind `/tegata`, or with the button that stands for it."""

from typing import assert_never

from bot.context import Desk, Heard, Surface
from bot.rendering import views
from bot.rendering.catalogue import Say, escaped, say
from bot.rendering.messages import Block
from bot.rendering.outcome_text import clock, refusal
from bot.rendering.slack_text import folded, is_code, plain
from bot.replies.responses import head_of, language_of, refresh, refuse, show, tell
from hub.domain.outcomes import Added, Asked, Confirmed, Done, Reason, Refused, Throttled
from hub.inbound import chat_commands
from hub.inbound.chat_commands import OnPage, State
from hub.recovery.disavow import Locked

# Of a word that means nothing.
_SHOWN = 32
_LANGUAGES = {"ja": "ja", "jp": "ja", "日本語": "ja", "japanese": "ja", "en": "en", "英語": "en", "english": "en"}
_WORDS = {
    "en": {
        "state": "Your account {account}",
        "list": "Your contacts:",
        "sessions": "Your open sessions:",
        "added": "A mail with a code is on its way to {address}. Type `/tegata confirm CODE`, or press the button.",
        "confirmed": "The contact “{label}” is registered.",
        "remove": "Removing a contact needs your password. You can remove “{label}” here:",
        "open": "Open the page",
        "which": "Type `/tegata remove LABEL`, with one of these labels:",
        "sent": "The code will be sent again as a direct message.",
        "locked": "Everything was ended (sessions: {sessions}, logins: {logins}). No codes are sent until"
        " {time}. Please tell the help desk, and change your password.",
        "locked_and_told": "Everything was ended (sessions: {sessions}, logins: {logins}). No codes are sent until"
        " {time}. The help desk was notified. Change your password.",
        "ended": "That session was ended.",
        "language": "Choose a language:",
        "spoken": "Messages are in English from now on.",
        "unknown": "“{word}” is not a command. You can type:",
        "help": "`/tegata` - your account\n`/tegata list` - your contacts\n"
        "`/tegata add LABEL ADDRESS` - add an email address\n`/tegata confirm CODE` - confirm it with its mail's code\n"
        "`/tegata remove LABEL` - remove a contact\n`/tegata code` - send the code again\n"
        "`/tegata sessions` - where you are logged in\n`/tegata lock` - it was not me: end everything\n"
        "`/tegata language ja|en` - 日本語 or English\n"
        "`/tegata link` - receive one-time passwords here\n`/tegata unlink` - receive none here any more",
    },
    "ja": {
        "state": "アカウント {account}",
        "list": "連絡先:",
        "sessions": "ログイン中のセッション:",
        "added": "{address} にコードを記載したメールを送ります。`/tegata 確認 コード` と入力するか、"
        "ボタンを押してください。",
        "confirmed": "連絡先「{label}」を登録しました。",
        "remove": "連絡先の削除にはパスワードが必要です。次のページで「{label}」を削除できます。",
        "open": "ページを開く",
        "which": "次のラベルのいずれかを付けて `/tegata 削除 ラベル` と入力してください。",
        "sent": "ダイレクトメッセージでもう一度お送りします。",
        "locked": "すべて終了しました（セッション {sessions}件、ログイン {logins}件）。{time} までコードを送りません。"
        "窓口に連絡し、パスワードを変更してください。",
        "locked_and_told": "すべて終了しました（セッション {sessions}件、ログイン {logins}件）。"
        "{time} までコードを送りません。窓口に連絡しました。パスワードを変更してください。",
        "ended": "セッションを終了しました。",
        "language": "言語を選んでください。",
        "spoken": "これから日本語でお知らせします。",
        "unknown": "「{word}」というコマンドはありません。次のように入力できます。",
        "help": "`/tegata` … アカウントの状態\n`/tegata 一覧` … 連絡先の一覧\n"
        "`/tegata 追加 ラベル アドレス` … メールアドレスの追加\n`/tegata 確認 コード` … メールに記載のコードで確認\n"
        "`/tegata 削除 ラベル` … 連絡先の削除\n`/tegata コード` … コードをもう一度送る\n"
        "`/tegata セッション` … ログイン中の場所\n`/tegata 止める` … 心当たりがない: すべて終了\n"
        "`/tegata 言語 ja|en` … 日本語 / English\n"
        "`/tegata 連携` … ワンタイムパスワードをここで受け取る\n`/tegata 連携解除` … 受け取りをやめる",
    },
}


async def state(desk: Desk, heard: Heard) -> None:
    """Tell how the account stands."""
    await _shown(desk, heard, "state")


async def give_help(desk: Desk, heard: Heard) -> None:
    """Tell what can be typed."""
    language = await language_of(desk, heard)
    await tell(desk, heard, _WORDS[language]["help"], language=language)


async def say_unknown(desk: Desk, heard: Heard) -> None:
    """Tell that a word means nothing, and what does."""
    language = await language_of(desk, heard)
    if is_code(plain(heard.text)):
        await tell(desk, heard, say(Say.TYPE_THERE, language), language=language)
        return
    words = _WORDS[language]
    unknown = words["unknown"].format(word=escaped(plain(heard.text).split()[0][:_SHOWN]))
    await tell(desk, heard, f"{unknown}\n{words['help']}", language=language)


async def list_contacts(desk: Desk, heard: Heard) -> None:
    """List the contacts."""
    await _shown(desk, heard, "list")


async def list_sessions(desk: Desk, heard: Heard) -> None:
    """List the open sessions, each with a button that ends it."""
    await _shown(desk, heard, "sessions")


async def add(desk: Desk, heard: Heard) -> None:
    """Add an address: the label first, the address last; with less than both, a modal asks for them."""
    *words, address = plain(heard.text).split() or [""]
    if not words:
        await _form(desk, heard, address)
        return
    language, label = await language_of(desk, heard), " ".join(words)
    visit = desk.visit(language, by=heard.member)
    outcome = await chat_commands.add(desk.hub, visit, heard.member.address, label=label, address=address)
    match outcome:
        case Added(contact_id):
            sentence = _WORDS[language]["added"].format(address=escaped(address))
            await tell(
                desk, heard, sentence, [_line(sentence), views.enter_code(contact_id, language)], language=language
            )
            await refresh(desk, heard, language=language)
        case Refused() | Throttled():
            await refuse(desk, heard, outcome, language=language)
        case _:
            assert_never(outcome)


async def add_in_window(desk: Desk, heard: Heard) -> None:
    """Open the modal that asks for a label and an address, with what was typed before."""
    await _form(desk, heard, "" if heard.value == views.ADD else heard.value)


async def _form(desk: Desk, heard: Heard, typed: str) -> None:
    language = await language_of(desk, heard)
    if not await _is_linked(desk, heard, language):
        return
    if heard.surface is Surface.DIRECT:
        # A message brings no leave to open a window; its button does.
        sentence = say(Say.PRESS, language)
        await tell(desk, heard, sentence, [_line(sentence), views.open_form(language, typed=typed)], language=language)
        return
    is_address = "@" in typed
    label, address = ("", typed) if is_address else (typed, "")
    await show(desk, heard, views.add_address(language, label=label, address=address))


async def added(desk: Desk, heard: Heard) -> None:
    """Add what was typed into the modal, which then asks for the code."""
    language = await language_of(desk, heard)
    label, address = heard.typed.get("label", ""), heard.typed.get("address", "")
    visit = desk.visit(language, by=heard.member)
    outcome = await chat_commands.add(desk.hub, visit, heard.member.address, label=label, address=address)
    match outcome:
        case Added(contact_id):
            await heard.reply(views.instead(views.add_code(contact_id, language, label=label.strip())))
            await refresh(desk, heard, language=language)
        case Refused() | Throttled():
            field = "label" if isinstance(outcome, Refused) and outcome.reason.startswith("label") else "address"
            await heard.reply(views.errors(field, refusal(outcome, language, desk.hub.settings.zone, now=desk.clock())))
        case _:
            assert_never(outcome)


async def confirm(desk: Desk, heard: Heard) -> None:
    """Confirm an address with the code from its mail; without one, a modal asks for it."""
    language = await language_of(desk, heard)
    if not heard.text:
        if not await _is_linked(desk, heard, language):
            return
        if heard.surface is Surface.DIRECT:
            sentence = say(Say.PRESS, language)
            await tell(desk, heard, sentence, [_line(sentence), views.enter_code(0, language)], language=language)
            return
        await show(desk, heard, views.add_code(0, language))
        return
    visit = desk.visit(language, by=heard.member)
    outcome = await chat_commands.confirm(desk.hub, visit, heard.member.address, plain(heard.text))
    match outcome:
        case Confirmed():
            sentence = _WORDS[language]["confirmed"].format(label=escaped(outcome.label))
            await tell(desk, heard, sentence, language=language)
            await refresh(desk, heard, language=language)
        case Refused() | Throttled():
            await refuse(desk, heard, outcome, language=language)
        case _:
            assert_never(outcome)


async def confirm_in_window(desk: Desk, heard: Heard) -> None:
    """Open the modal that asks for the code of the address whose button was pressed."""
    language = await language_of(desk, heard)
    if await _is_linked(desk, heard, language):
        await show(desk, heard, views.add_code(_number(heard.value), language))


async def confirmed(desk: Desk, heard: Heard) -> None:
    """Confirm with what was typed into the modal."""
    language = await language_of(desk, heard)
    visit = desk.visit(language, by=heard.member)
    typed, contact_id = heard.typed.get("code", ""), _number(heard.note) or None
    outcome = await chat_commands.confirm(desk.hub, visit, heard.member.address, typed, contact_id=contact_id)
    match outcome:
        case Confirmed():
            title = desk.hub.settings.service_in(language)
            sentence = _WORDS[language]["confirmed"].format(label=escaped(outcome.label))
            await heard.reply(views.instead(views.told(title, sentence, language)))
            await refresh(desk, heard, language=language)
        case Refused() | Throttled():
            await heard.reply(
                views.errors("code", refusal(outcome, language, desk.hub.settings.zone, now=desk.clock()))
            )
        case _:
            assert_never(outcome)


async def remove(desk: Desk, heard: Heard) -> None:
    """Answer with the page on which a contact is removed, behind the password."""
    language = await language_of(desk, heard)
    label = plain(heard.text)
    if not label:
        await _shown(desk, heard, "which")
        return
    outcome = await chat_commands.removal(desk.hub, heard.member.address, label)
    match outcome:
        case OnPage():
            words = _WORDS[language]
            sentence = words["remove"].format(label=escaped(outcome.label))
            await tell(desk, heard, f"{sentence}\n<{outcome.url}|{words['open']}>", language=language)
        case Refused(Reason.NOT_FOUND):
            await _shown(desk, heard, "which")
        case Refused():
            await refuse(desk, heard, outcome, language=language)
        case _:
            assert_never(outcome)


async def send_again(desk: Desk, heard: Heard) -> None:
    """Send once more what a login page waits for."""
    language = await language_of(desk, heard)
    outcome = await chat_commands.send_again(desk.hub, desk.visit(language, by=heard.member), heard.member.address)
    match outcome:
        case Asked():
            await tell(desk, heard, _WORDS[language]["sent"], language=language)
        case Refused() | Throttled():
            await refuse(desk, heard, outcome, language=language)
        case _:
            assert_never(outcome)


async def lock(desk: Desk, heard: Heard) -> None:
    """End every login and session: "it was not me"."""
    language = await language_of(desk, heard)
    outcome = await chat_commands.lock(desk.hub, desk.visit(language, by=heard.member), heard.member.address)
    match outcome:
        case Locked():
            until = clock(outcome.codes_from, desk.hub.settings.zone) if outcome.codes_from else "-"
            words = _WORDS[language]["locked_and_told" if outcome.is_desk_told else "locked"]
            sentence = words.format(sessions=outcome.sessions, logins=outcome.logins, time=until)
            await tell(desk, heard, sentence, language=language)
            await refresh(desk, heard, language=language)
        case Refused():
            await refuse(desk, heard, outcome, language=language)
        case _:
            assert_never(outcome)


async def end_session(desk: Desk, heard: Heard) -> None:
    """End the session whose button was pressed."""
    language = await language_of(desk, heard)
    visit = desk.visit(language, by=heard.member)
    outcome = await chat_commands.end_session(desk.hub, visit, heard.member.address, _number(heard.value))
    match outcome:
        case Done():
            # The window first: it has three seconds, the rest has time.
            await tell(desk, heard, _WORDS[language]["ended"], language=language)
            await refresh(desk, heard, language=language)
        case Refused():
            await refuse(desk, heard, outcome, language=language)
        case _:
            assert_never(outcome)


async def speak(desk: Desk, heard: Heard) -> None:
    """Keep a language; without one, two buttons ask for it."""
    language = await language_of(desk, heard)
    chosen = _LANGUAGES.get(folded(plain(heard.text or heard.value).strip()), "")
    if not chosen:
        sentence = _WORDS[language]["language"]
        await tell(desk, heard, sentence, [_line(sentence), views.languages_of(language)], language=language)
        return
    outcome = await chat_commands.speak(heard.member.address, chosen)
    match outcome:
        case Done():
            await tell(desk, heard, _WORDS[chosen]["spoken"], language=chosen)
            await refresh(desk, heard, language=chosen)
        case Refused():
            await refuse(desk, heard, outcome, language=language)
        case _:
            assert_never(outcome)


async def _shown(desk: Desk, heard: Heard, what: str) -> None:
    language = await language_of(desk, heard)
    outcome = await chat_commands.state(desk.hub, heard.member.address, now=desk.clock())
    if isinstance(outcome, Refused):
        await refuse(desk, heard, outcome, language=language)
        return
    sentence = _WORDS[language][what].format(account=escaped(outcome.account))
    # The parts begin with headers of their own.
    first = [_line(sentence)] if what == "which" else []
    await tell(desk, heard, sentence, [*first, *_part(desk, outcome, what, language)], language=language)


def _part(desk: Desk, told: State, what: str, language: str) -> list[Block]:
    match what:
        case "state":
            return [*views.state_of(told, language, head_of(desk)), _line(_WORDS[language]["help"])]
        case "sessions":
            return views.sessions_of(told.sessions, language, head_of(desk))
        case _:
            return views.contacts_of(told.contacts, language)


async def _is_linked(desk: Desk, heard: Heard, language: str) -> bool:
    """Make sure that there is somebody to type for; else say how to link."""
    outcome = await chat_commands.state(desk.hub, heard.member.address, now=desk.clock())
    if isinstance(outcome, Refused):
        await refuse(desk, heard, outcome, language=language)
        return False
    return True


def _line(sentence: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": sentence}}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0  # noqa: PLR2004
