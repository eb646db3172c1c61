"""What `/tegata` is followed by, in either language, and who does it."""

from dataclasses import replace

from bot.context import Desk, Heard, Work
from bot.handlers import account, linking
from bot.rendering.slack_text import folded, plain
from bot.task_limiter import Lane

_WORDS: dict[Work, tuple[str, ...]] = {
    account.state: ("", "state", "状態", "settings", "設定"),
    account.give_help: ("help", "ヘルプ", "使い方"),
    account.list_contacts: ("list", "一覧"),
    account.add: ("add", "追加", "登録"),
    account.confirm: ("confirm", "確認"),
    account.remove: ("remove", "削除"),
    account.send_again: ("code", "コード"),
    account.list_sessions: ("sessions", "セッション", "logout", "ログアウト"),
    account.lock: ("lock", "止める", "ロック"),
    account.speak: ("language", "言語"),
    linking.link: ("link", "連携", "リンク"),
    linking.unlink: ("unlink", "連携解除"),
}
COMMANDS: dict[str, Work] = {word: work for work, words in _WORDS.items() for word in words}
_NAMES = ("/tegata", "tegata")

# These may open a window, for which Slack gives three seconds.
_URGENT = {word for work in (account.add, account.confirm, account.lock) for word in _WORDS[work]}


def without_name(text: str) -> str:
    """PURE: leave out the name of the command before a word, as it is copied from the help."""
    first, _, rest = " ".join(text.split()).partition(" ")
    return rest if folded(first) in _NAMES else text


def lane_of(text: str) -> Lane:
    """PURE: tell how long a command may wait for others."""
    return Lane.NOW if folded((plain(without_name(text)).split() or [""])[0]) in _URGENT else Lane.ANSWER


async def run(desk: Desk, heard: Heard) -> None:
    """Do what was asked; what is not known is told so, with the help."""
    text = without_name(heard.text)
    word, _, _ = " ".join(plain(text).split()).partition(" ")
    command = COMMANDS.get(folded(word))
    if command is None:
        await account.say_unknown(desk, heard)
        return
    # What follows is undone of escapes by who reads it: twice would undo what was typed.
    _, _, rest = " ".join(text.split()).partition(" ")
    await command(desk, replace(heard, text=rest))
