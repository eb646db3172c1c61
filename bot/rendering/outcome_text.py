"""PURE: the sentence for every outcome of what a member asks in Slack, in Japanese and English."""

from datetime import datetime, timedelta, tzinfo
from math import ceil

from hub.domain.outcomes import Hold, Reason, Refused, Throttled

_REASONS = {
    "en": {
        Reason.NOT_LINKED: "This Slack account is not linked yet. `/tegata link` links it.",
        Reason.SLACK_GONE: "The link of this Slack account is suspended, because messages could not be delivered here."
        " `/tegata link` links it again.",
        Reason.SLACK_LEFT: "The link of this Slack account is suspended, because the account was deactivated or made a"
        " guest in Slack. `/tegata link` links it again.",
        Reason.SLACK_AWAY: "The link of this Slack account is suspended, because the app was removed from the"
        " workspace. `/tegata link` links it again.",
        Reason.LABEL_BAD: "Please use 1 to 32 characters for the label, none of them invisible.",
        Reason.LABEL_TAKEN: "This label is already in use. Please choose another label.",
        Reason.ADDRESS_BAD: "Please check the email address.",
        Reason.ADDRESS_DOTS: "The part before the @ can't begin or end with a dot or have two dots in a row. Please"
        " check the email address.",
        Reason.ADDRESS_DOMAIN: "The part after the @ is not an internet domain. Please check the email address.",
        Reason.ADDRESS_OURS: "Mail to this domain comes back to this service. Please use an address of your own.",
        Reason.ADDRESS_TAKEN: "This address is in the list already.",
        Reason.ADDRESS_REFUSED: "The owner of this address declined the registration. If that was a mistake,"
        " the help desk can allow it again.",
        Reason.ADDRESS_GUARDED: "Codes cannot be sent to a mailbox that is opened with this login.",
        Reason.TOO_MANY: "You have registered as many as allowed. Please remove one, or confirm those that"
        " are waiting.",
        Reason.CODES_BLOCKED: "This is paused until {time} because a login was reported as not yours.",
        Reason.CHALLENGE_OVER: "No registration is waiting for this code. It may have expired: `/tegata add`"
        " sends a new one.",
        Reason.ANSWER_WRONG: "That code is not correct.",
        Reason.ANSWER_STALE: "This code is no longer valid.",
        Reason.CODE_MISSHAPEN: "The code has six digits. Please check it; this did not count as an attempt.",
        Reason.TRIES_SPENT: "There were too many wrong answers, so this code is no longer valid.",
        Reason.KIND_CLOSED: "This method is locked after too many wrong answers. The help desk can unlock it.",
        Reason.ALREADY_CONFIRMED: "This is confirmed already.",
        Reason.NO_LOGIN_WAITS: "No login page is waiting for a message here.",
        Reason.LOGINS_WAIT: "More than one login is waiting for a message here, and one of them may not be yours."
        " Please press Send again on your own login page.",
        Reason.ALREADY_APPROVED: "This is approved already.",
        Reason.APPROVAL_OVER: "This request has expired. Nothing was approved.",
        Reason.DIGITS_WRONG: "That is not the number on the page, so the login has ended.",
        Reason.DIGITS_MISSING: "Please type the two digits that the page shows.",
    },
    "ja": {
        Reason.NOT_LINKED: "このSlackアカウントはまだ連携していません。`/tegata 連携` で連携できます。",
        Reason.SLACK_GONE: "メッセージを届けられなかったため、このSlackアカウントの連携を停止しています。"
        "`/tegata 連携` でもう一度連携できます。",
        Reason.SLACK_LEFT: "Slackでアカウントが無効化されたか、ゲストに変更されたため、連携を停止しています。"
        "`/tegata 連携` でもう一度連携できます。",
        Reason.SLACK_AWAY: "ワークスペースからアプリが削除されたため、このSlackアカウントの連携を停止しています。"
        "`/tegata 連携` でもう一度連携できます。",
        Reason.LABEL_BAD: "ラベルは1文字以上32文字以内で入力してください。目に見えない文字は使えません。",
        Reason.LABEL_TAKEN: "このラベルはすでに使われています。別のラベルにしてください。",
        Reason.ADDRESS_BAD: "メールアドレスの形式が正しくありません。",
        Reason.ADDRESS_DOTS: "@ より前の部分の先頭や末尾に「.」があるか、「.」が連続しています。"
        "メールアドレスをご確認ください。",
        Reason.ADDRESS_DOMAIN: "@ より後の部分が正しくありません。メールアドレスをご確認ください。",
        Reason.ADDRESS_OURS: "このサービス自身のドメインのアドレスです。ご自分のアドレスを入力してください。",
        Reason.ADDRESS_TAKEN: "このアドレスはすでに登録されています。",
        Reason.ADDRESS_REFUSED: "このアドレスの利用者が登録を辞退しました。"
        "誤りの場合は、窓口で再び登録できるようにすることができます。",
        Reason.ADDRESS_GUARDED: "このログインで開くメールボックスには、コードを送れません。",
        Reason.TOO_MANY: "登録数が上限に達しています。どれかを削除するか、確認待ちのものを確認してください。",
        Reason.CODES_BLOCKED: "心当たりのないログインとして報告があったため、{time} まで利用できません。",
        Reason.CHALLENGE_OVER: "このコードを待っている登録はありません。"
        "期限切れの場合は `/tegata 追加` で送り直せます。",
        Reason.ANSWER_WRONG: "コードが正しくありません。",
        Reason.ANSWER_STALE: "このコードはもう使えません。",
        Reason.CODE_MISSHAPEN: "コードは6桁の数字です。ご確認ください。入力回数には含まれません。",
        Reason.TRIES_SPENT: "誤りが続いたため、このコードは使えなくなりました。",
        Reason.KIND_CLOSED: "誤りが続いたため、この認証方法はロックされています。窓口で解除を依頼してください。",
        Reason.ALREADY_CONFIRMED: "すでに確認済みです。",
        Reason.NO_LOGIN_WAITS: "ここへのメッセージを待っているログイン画面はありません。",
        Reason.LOGINS_WAIT: "ここへのメッセージを待っているログインが複数あり、ご自身のものでない可能性があります。"
        "ご自身のログイン画面で「もう一度送る」を押してください。",
        Reason.ALREADY_APPROVED: "すでに承認済みです。",
        Reason.APPROVAL_OVER: "この承認依頼は期限切れです。承認は行われていません。",
        Reason.DIGITS_WRONG: "画面の数字と異なります。ログインを終了しました。",
        Reason.DIGITS_MISSING: "画面に表示された2桁の数字を入力してください。",
    },
}
_GONE = {"en": "This has expired or was already removed.", "ja": "期限切れか、すでに削除されています。"}
_ONE_LEFT = {"en": " 1 attempt left.", "ja": "あと1回入力できます。"}
_TRIES_LEFT = {"en": " {tries} attempts left.", "ja": "あと{tries}回入力できます。"}
_WAIT = {
    "en": "Please wait {span}, until {time}, then try again.",
    "ja": "{span}後（{time}）以降に、もう一度お試しください。",
}
_SPANS = {
    "en": ("1 second", "{number} seconds", "{number} minutes"),
    "ja": ("1秒", "{number}秒", "{number}分"),
}
_ELSEWHERE = {
    "en": "The login page offers other methods meanwhile, where any are registered.",
    "ja": "ほかの認証方法が登録されていれば、ログイン画面で今すぐ使えます。",
}
_OTHER_ADDRESS = {
    "en": "You can add another address at any time.",
    "ja": "別のアドレスは今すぐ登録できます。",
}
_KEEPS_WORKING = {
    "en": "Confirmed addresses are not affected.",
    "ja": "確認済みのアドレスには影響しません。",
}
_HOLDS = {
    "en": {
        Hold.ANSWER: "There were wrong answers for this method.",
        Hold.SENT: "A code was sent a moment ago.",
        Hold.SENT_ELSEWHERE: "Another login to your account requested a code a moment ago.",
        Hold.SENT_AN_HOUR: "The hourly limit of codes for this Slack account has been reached.",
        Hold.SENT_A_DAY: "The daily limit of codes for this Slack account has been reached.",
        Hold.SENT_TO_ACCOUNT: "The hourly limit of codes for your account has been reached.",
        Hold.SENT_TO_ACCOUNT_A_DAY: "The daily limit of codes for your account has been reached.",
        Hold.CODES_LIVE: "Several logins to your account have codes that are still valid.",
        Hold.APPROVALS: "The limit of approval requests has been reached.",
        Hold.CONFIRMATION: "A mail was sent to this address a moment ago.",
        Hold.CONFIRMATIONS_THERE: "The daily limit of registration mails to this address has been reached.",
        Hold.CONFIRMATIONS: "Your account has requested many address registrations.",
        Hold.LINKS: "This Slack account was linked, or asked to be, many times.",
    },
    "ja": {
        Hold.ANSWER: "この認証方法で入力の誤りがありました。",
        Hold.SENT: "コードは先ほど送信しました。",
        Hold.SENT_ELSEWHERE: "このアカウントへの別のログインが、先ほどコードを要求しました。",
        Hold.SENT_AN_HOUR: "このSlackアカウントへのコードの送信が、1時間の上限に達しました。",
        Hold.SENT_A_DAY: "このSlackアカウントへのコードの送信が、1日の上限に達しました。",
        Hold.SENT_TO_ACCOUNT: "このアカウントへのコードの送信が、1時間の上限に達しました。",
        Hold.SENT_TO_ACCOUNT_A_DAY: "このアカウントへのコードの送信が、1日の上限に達しました。",
        Hold.CODES_LIVE: "このアカウントへの複数のログインに、有効なコードを送信済みです。",
        Hold.APPROVALS: "承認を依頼できる回数の上限に達しました。",
        Hold.CONFIRMATION: "このアドレスには先ほどメールを送信しました。",
        Hold.CONFIRMATIONS_THERE: "このアドレスへの登録確認メールの送信が、1日の上限に達しました。",
        Hold.CONFIRMATIONS: "このアカウントで依頼できる登録の回数の上限に達しました。",
        Hold.LINKS: "このSlackアカウントで連携を依頼できる回数の上限に達しました。",
    },
}
_MEANWHILE = {
    Hold.CONFIRMATION: _OTHER_ADDRESS,
    Hold.CONFIRMATIONS_THERE: _OTHER_ADDRESS,
    Hold.CONFIRMATIONS: _KEEPS_WORKING,
    Hold.SENT: _ELSEWHERE,
    Hold.SENT_ELSEWHERE: _ELSEWHERE,
    Hold.SENT_AN_HOUR: _ELSEWHERE,
    Hold.SENT_A_DAY: _ELSEWHERE,
    Hold.SENT_TO_ACCOUNT: _ELSEWHERE,
    Hold.SENT_TO_ACCOUNT_A_DAY: _ELSEWHERE,
    Hold.CODES_LIVE: _ELSEWHERE,
    Hold.APPROVALS: _ELSEWHERE,
}
_TWO_MINUTES = 120


def refusal(why: Refused | Throttled, language: str, zone: tzinfo, *, now: datetime) -> str:
    """Write why something was not done."""
    if isinstance(why, Throttled):
        return waiting(why, language, zone, now=now)
    sentence = _REASONS[language].get(why.reason, _GONE[language])
    if why.until is not None:
        return sentence.format(time=clock(why.until, zone))
    if why.reason is Reason.ANSWER_WRONG and why.tries_left:
        left = _ONE_LEFT if why.tries_left == 1 else _TRIES_LEFT
        return sentence + left[language].format(tries=why.tries_left)
    return sentence


def clock(at: datetime, zone: tzinfo) -> str:
    """Write a time of day."""
    return f"{at.astimezone(zone):%H:%M:%S}"


def waiting(why: Throttled, language: str, zone: tzinfo, *, now: datetime) -> str:
    """Write what has to wait, why, until when, and what is possible meanwhile."""
    seconds = max(1, ceil(why.retry_after.total_seconds()))
    span = _span(seconds, language)
    parts = [
        _HOLDS[language].get(why.why, "") if why.why else "",
        _WAIT[language].format(span=span, time=clock(now + timedelta(seconds=seconds), zone)),
        _MEANWHILE[why.why][language] if why.why in _MEANWHILE else "",
    ]
    return (" " if language == "en" else "").join(part for part in parts if part)


def _span(seconds: int, language: str) -> str:
    one, several, minutes = _SPANS[language]
    if seconds == 1:
        return one
    if seconds <= _TWO_MINUTES:
        return several.format(number=seconds)
    return minutes.format(number=ceil(seconds / 60))
