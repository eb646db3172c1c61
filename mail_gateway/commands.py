"""PURE: what the first line of an answer asks for; whatever it isn't sure to say, it does not say."""

import unicodedata

from hub.replies import Command, Confirm, Deny, Help, ListContacts, Refuse, Remove

_CONFIRM = {"はい", "yes", "ok", "okay", "confirm", "確認", "登録する"}
_REFUSE = {
    "not me",
    "this is not me",
    "this was not me",
    "it was not me",
    "it wasn't me",
    "心当たりがない",
    "心当たりがありません",
    "心当たりはありません",
    "心当たりない",
    "お心当たりがない",
    "身に覚えがない",
    "身に覚えがありません",
    "私ではありません",
}
_DENY = {"no", "nope", "いいえ", "違います", "ちがいます"}
_LIST = {"list", "一覧", "リスト"}
_HELP = {"help", "ヘルプ", "使い方"}
_REMOVE = ("remove ", "delete ", "削除 ")
# What people put around a word without meaning more by it.
_AROUND = " \t.。!．、,\"'“”「」*_"
_LONGEST = 80


def command_of(line: str) -> Command | None:
    """Read a line; None when it is no command, however much it looks like one."""
    if len(line) > _LONGEST:
        return None
    folded = unicodedata.normalize("NFKC", line).replace("’", "'").strip(_AROUND)
    plain = " ".join(folded.casefold().split())
    if plain in _CONFIRM:
        return Confirm()
    if plain in _REFUSE:
        return Refuse()
    if plain in _DENY:
        return Deny()
    if plain in _LIST:
        return ListContacts()
    if plain in _HELP:
        return Help()
    return _removal(" ".join(folded.split()))


def _removal(line: str) -> Remove | None:
    for verb in _REMOVE:
        if line.casefold().startswith(verb):
            label = line[len(verb) :].strip(_AROUND)
            return Remove(label) if label else None
    return None
