"""PURE: what each notice says, in both languages; a door adds its own greeting, times and links.

Keys are pairs of language and notice. `{about}` is a contact's label, `{service}` the service's name.
"""

from models.kinds import Channel, Notice

# How a contact is reached, as the help desk reads it.
CHANNELS: dict[str, str] = {Channel.MAIL: "メール / email", Channel.SLACK: "Slack"}
NOTICES = {
    ("ja", Notice.CONTACT_ADDED): "連絡先「{about}」が登録されました。",
    ("en", Notice.CONTACT_ADDED): "The contact “{about}” was registered.",
    ("ja", Notice.CONTACT_REMOVED): "連絡先「{about}」が削除されました。",
    ("en", Notice.CONTACT_REMOVED): "The contact “{about}” was removed.",
    ("ja", Notice.SOFT_TOKEN_ADDED): "ソフトトークン「{about}」が登録されました。",
    ("en", Notice.SOFT_TOKEN_ADDED): "The soft token “{about}” was registered.",
    ("ja", Notice.SOFT_TOKEN_REMOVED): "ソフトトークン「{about}」が削除されました。",
    ("en", Notice.SOFT_TOKEN_REMOVED): "The soft token “{about}” was removed.",
    ("ja", Notice.MATRIX_OFF): "マトリクス認証がオフになりました。",
    ("en", Notice.MATRIX_OFF): "Matrix authentication was switched off.",
    ("ja", Notice.MATRIX_ON): "マトリクス認証がオンになりました。",
    ("en", Notice.MATRIX_ON): "Matrix authentication was switched on.",
    ("ja", Notice.NEW_LOGIN): "{service}へのログインがありました。",
    ("en", Notice.NEW_LOGIN): "Somebody logged in to {service} with your account.",
    ("ja", Notice.CONTACT_SUSPENDED): "連絡先「{about}」にメールが届かないため、送信を止めました。",
    ("en", Notice.CONTACT_SUSPENDED): "Mail to the contact “{about}” could not be delivered, so it is suspended.",
    ("ja", Notice.PASSWORD_SET): "ICカードでログインした方により、パスワードが変更されました。",
    ("en", Notice.PASSWORD_SET): "The password was changed by somebody who logged in with the IC card.",
    (
        "ja",
        Notice.MATRIX_ISSUED,
    ): "新しいマトリクスカードが発行されました。以前のカードは使えなくなりました。",
    ("en", Notice.MATRIX_ISSUED): "A new matrix card was issued. An earlier card no longer works.",
    (
        "ja",
        Notice.ANSWERS_WRONG,
    ): "正しいパスワードの入力後に、認証の失敗が続いています。お心当たりがない場合は、パスワードを変更してください。",
    (
        "en",
        Notice.ANSWERS_WRONG,
    ): "Somebody entered the right password and then several wrong answers. If it was not you, change your password.",
    (
        "ja",
        Notice.PASSWORDS_WRONG,
    ): (
        "お使いのアカウントで、誤ったパスワードが何度も入力されました。これらの入力ではログインできていません。"
        "お心当たりがない場合は、ほかで使っていないパスワードに変更してください。"
    ),
    (
        "en",
        Notice.PASSWORDS_WRONG,
    ): (
        "Wrong passwords were entered many times for your account. None of them opened it. If it was not you, set a"
        " password that you use nowhere else."
    ),
    ("ja", Notice.UNLOCKED): "ICカードでログインした方により、認証方法のロックが解除されました。",
    ("en", Notice.UNLOCKED): "All login methods were unlocked by somebody who logged in with the IC card.",
    ("ja", Notice.CODES_ALLOWED): "「心当たりがない」とのご報告で止めていたコードの送信が、再開されました。",
    ("en", Notice.CODES_ALLOWED): "Codes, which were paused after “this was not me”, are sent again.",
    ("ja", Notice.CARD_BLOCKED): "ICカードの利用が停止されました。",
    ("en", Notice.CARD_BLOCKED): "An IC card was blocked.",
    ("ja", Notice.CARD_BOUND): "ICカードが登録されました。",
    ("en", Notice.CARD_BOUND): "An IC card was registered.",
    ("ja", Notice.CARD_UNBLOCKED): "ICカードの利用停止が解除されました。",
    ("en", Notice.CARD_UNBLOCKED): "An IC card was unblocked.",
    ("ja", Notice.CARD_REMOVED): "ICカードの登録が削除されました。",
    ("en", Notice.CARD_REMOVED): "Your IC card was removed.",
    ("ja", Notice.CONTACT_RESUMED): "連絡先「{about}」への送信が再開されました。",
    ("en", Notice.CONTACT_RESUMED): "Messages are sent to the contact “{about}” again.",
    ("ja", Notice.PASSWORD_SET_BY_DESK): "窓口で新しいパスワードが設定されました。",
    ("en", Notice.PASSWORD_SET_BY_DESK): "The help desk set a new password.",
    ("ja", Notice.UNLOCKED_BY_DESK): "窓口で認証方法のロックが解除されました。",
    ("en", Notice.UNLOCKED_BY_DESK): "The help desk unlocked all login methods.",
    (
        "ja",
        Notice.CONTACT_UNREACHABLE,
    ): (
        "利用者の連絡先に届かなくなったため、その連絡先への送信を停止しました。"
        "利用者がログインできなくなっている可能性があります。"
    ),
    (
        "en",
        Notice.CONTACT_UNREACHABLE,
    ): "A member’s contact can’t be reached and was suspended. The member may be unable to log in.",
    ("ja", Notice.DISOWNED): "利用者から「心当たりがない」との連絡がありました。",
    ("en", Notice.DISOWNED): "A member reported: “This was not me.”",
    ("ja", Notice.ACCOUNT_DISABLED): "窓口でアカウントが停止されました。",
    ("en", Notice.ACCOUNT_DISABLED): "The help desk disabled the account.",
    ("ja", Notice.ACCOUNT_ENABLED): "窓口でアカウントの停止が解除されました。",
    ("en", Notice.ACCOUNT_ENABLED): "The help desk enabled the account again.",
    ("ja", Notice.ACCOUNT_RESET): (
        "窓口でアカウントがリセットされました。新しいパスワードが設定され、すべてのログインが終了しました。"
    ),
    ("en", Notice.ACCOUNT_RESET): (
        "The help desk reset the account: it has a new password, and all logins have ended."
    ),
    ("ja", Notice.CONTACT_RENAMED): "連絡先の名前が「{about}」に変更されました。",
    ("en", Notice.CONTACT_RENAMED): "A contact was renamed to “{about}”.",
    ("ja", Notice.SLACK_LINKED): "Slackアカウントが連絡先「{about}」として連携されました。",
    ("en", Notice.SLACK_LINKED): "A Slack account was linked as the contact “{about}”.",
    ("ja", Notice.SLACK_SUSPENDED): "Slackの連絡先「{about}」に届かなくなったため、送信を止めました。",
    ("en", Notice.SLACK_SUSPENDED): "The Slack contact “{about}” can't be reached any more, so it is suspended.",
}
