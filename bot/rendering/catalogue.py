"""PURE: what the bot says, in Japanese and English."""

from enum import StrEnum


class Say(StrEnum):
    """One sentence each."""

    LINK = "link"
    LINK_OPEN = "link-open"
    LINKED_ALREADY = "linked-already"
    NOT_LINKED = "not-linked"
    UNLINKED = "unlinked"
    NOT_FOR_GUESTS = "not-for-guests"
    NOT_THIS_WORKSPACE = "not-this-workspace"
    NOT_NOW = "not-now"
    GONE = "gone"
    AGAIN = "again"
    BUSY = "busy"
    ASK_DESK = "ask-desk"
    WORKING = "working"
    TYPE_THERE = "type-there"
    PRESS = "press"
    HOW_TO_APPROVE = "how-to-approve"
    HOW_TO_DENY = "how-to-deny"
    NO_PASSWORD = "no-password"


_WORDS = {
    (
        "en",
        Say.LINK,
    ): "To receive one-time passwords of {service} here, open this page within {minutes} minutes:",
    (
        "ja",
        Say.LINK,
    ): "{service} のワンタイムパスワードをここで受け取るには、{minutes}分以内に次のページを開いてください。",
    ("en", Say.LINK_OPEN): "Open the page",
    ("ja", Say.LINK_OPEN): "ページを開く",
    ("en", Say.LINKED_ALREADY): "This Slack account is linked to {account} as “{label}” already.",
    ("ja", Say.LINKED_ALREADY): "このSlackアカウントは、すでに {account} の「{label}」として連携しています。",
    ("en", Say.NOT_LINKED): "This Slack account is not linked to {service}. `/tegata link` links it.",
    ("ja", Say.NOT_LINKED): "このSlackアカウントは {service} と連携していません。`/tegata 連携` で連携できます。",
    ("en", Say.UNLINKED): "This Slack account is no longer linked: “{label}” was removed from {account}.",
    ("ja", Say.UNLINKED): "連携を解除しました。{account} から「{label}」を削除しました。",
    ("en", Say.NOT_FOR_GUESTS): "Only full members of the workspace can link their Slack account: no guests, no bots.",
    (
        "ja",
        Say.NOT_FOR_GUESTS,
    ): "連携できるのは正式なメンバーだけです。ゲストとボットは連携できません。",
    ("en", Say.NOT_THIS_WORKSPACE): "{service} does not send one-time passwords to members of this workspace.",
    ("ja", Say.NOT_THIS_WORKSPACE): "{service} は、このワークスペースのメンバーにはワンタイムパスワードを送りません。",
    ("en", Say.NOT_NOW): "That did not work. Please try again in a moment.",
    ("ja", Say.NOT_NOW): "処理できませんでした。しばらくしてからもう一度お試しください。",
    ("en", Say.GONE): "This has expired or was already removed.",
    ("ja", Say.GONE): "期限切れか、すでに削除されています。",
    (
        "en",
        Say.AGAIN,
    ): "The window could not be opened in time. Please press the button, or type the command, again.",
    ("ja", Say.AGAIN): "時間内に画面を開けませんでした。ボタンまたはコマンドをもう一度お試しください。",
    ("en", Say.BUSY): "Slack is busy just now. Please try again in {number} seconds.",
    ("ja", Say.BUSY): "Slackが混み合っています。{number}秒ほど待ってから、もう一度お試しください。",
    ("en", Say.ASK_DESK): "Slack does not let this app do that at present. Please tell the help desk.",
    ("ja", Say.ASK_DESK): "現在、Slack側の設定によりこの操作ができません。窓口にご連絡ください。",
    ("en", Say.WORKING): "One moment, please. The result appears here.",
    ("ja", Say.WORKING): "処理しています。結果はこの画面に表示されます。",
    ("en", Say.TYPE_THERE): "Please type the code on the login page, not here.",
    ("ja", Say.TYPE_THERE): "コードはここではなく、ログイン画面に入力してください。",
    ("en", Say.PRESS): "Please press the button and fill in the form.",
    (
        "en",
        Say.HOW_TO_APPROVE,
    ): "Nothing was approved here. To approve a login, press *Approve* under its message and type the two digits of the"
    " login page in the window that opens.",
    (
        "ja",
        Say.HOW_TO_APPROVE,
    ): "ここへの入力では承認されません。ログインを承認するには、そのメッセージの「承認」を押し、"
    "開いた画面にログイン画面の2桁の数字を入力してください。",
    (
        "en",
        Say.HOW_TO_DENY,
    ): "Nothing was ended: no message of the last hour is here. If an older one was not you, press *This was not me*"
    " under it. `/tegata lock` ends all sessions and logins at once.",
    (
        "ja",
        Say.HOW_TO_DENY,
    ): "直近1時間のメッセージがないため、何も終了していません。以前のメッセージに心当たりがない場合は、"
    "その下の「心当たりがない」を押してください。"
    "`/tegata 止める` ですべてのセッションとログインをただちに終了できます。",
    (
        "en",
        Say.NO_PASSWORD,
    ): "Never send your password here. If your message contains it, delete the message and change the password.",
    (
        "ja",
        Say.NO_PASSWORD,
    ): "パスワードはここに送らないでください。送ってしまった場合は、メッセージを削除し、パスワードを変更してください。",
    ("ja", Say.PRESS): "ボタンを押して、画面に入力してください。",
}


def say(what: Say, language: str, **told: str) -> str:
    """Write one sentence; what is told in it is escaped already where people wrote it."""
    return _WORDS[language, what].format(**told)


def escaped(text: str) -> str:
    """Write people's text so that Slack shows it as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
