"""PURE: the sentence for every outcome of what a member asks in Slack, in Japanese and English."""

from datetime import datetime, tzinfo
from math import ceil

from hub.outcome import Reason, Refused, Throttled

_REASONS = {
    "en": {
        Reason.NOT_LINKED: "This Slack account is not linked yet. `/tegata link` links it.",
        Reason.LABEL_BAD: "A label has 1 to 32 characters that can be seen.",
        Reason.LABEL_TAKEN: "There is something with this label already. Please choose another label.",
        Reason.ADDRESS_BAD: "This is no email address that mail can be sent to.",
        Reason.ADDRESS_TAKEN: "This address is in the list already.",
        Reason.ADDRESS_REFUSED: "Whoever reads mail at this address did not want it registered.",
        Reason.ADDRESS_GUARDED: "Codes can't go to a mailbox that this login itself protects.",
        Reason.TOO_MANY: "There are too many already. Please remove one, or confirm those that wait.",
        Reason.CODES_BLOCKED: "This is not open until {time}, because somebody said of a login that it was not theirs.",
        Reason.CHALLENGE_OVER: "Nothing waits for this code. It may have ended: `/tegata add` sends a new one.",
        Reason.ANSWER_WRONG: "That is not right.",
        Reason.ANSWER_STALE: "This code is no longer good.",
        Reason.CODE_MISSHAPEN: "A code has six digits. Please type it again; this was no try.",
        Reason.TRIES_SPENT: "That was wrong too often, so the code has ended.",
        Reason.KIND_CLOSED: "This way is closed after too many wrong answers. The help desk opens it.",
        Reason.ALREADY_CONFIRMED: "This is confirmed already.",
        Reason.NO_LOGIN_WAITS: "No login page waits for a message here.",
        Reason.ALREADY_APPROVED: "This is approved already.",
        Reason.APPROVAL_OVER: "This request has ended. Nothing was approved.",
        Reason.DIGITS_WRONG: "That is not the number on the page. The login was ended.",
        Reason.DIGITS_MISSING: "Please type the two digits that the page shows.",
    },
    "ja": {
        Reason.NOT_LINKED: "このSlackアカウントはまだ連携していません。`/tegata link` で連携できます。",
        Reason.LABEL_BAD: "ラベルは1文字から32文字で、見える文字を含めてください。",
        Reason.LABEL_TAKEN: "同じラベルがすでにあります。別のラベルにしてください。",
        Reason.ADDRESS_BAD: "メールを送れるメールアドレスではありません。",
        Reason.ADDRESS_TAKEN: "このアドレスはすでに一覧にあります。",
        Reason.ADDRESS_REFUSED: "このアドレスの持ち主が登録を望みませんでした。",
        Reason.ADDRESS_GUARDED: "このログインで守られているメールボックスには、コードを送れません。",
        Reason.TOO_MANY: "登録が多すぎます。どれかを削除するか、確認待ちのものを確認してください。",
        Reason.CODES_BLOCKED: "心当たりのないログインが報告されたため、{time} までご利用いただけません。",
        Reason.CHALLENGE_OVER: "このコードを待っているものはありません。期限切れなら `/tegata add` で送り直せます。",
        Reason.ANSWER_WRONG: "正しくありません。",
        Reason.ANSWER_STALE: "このコードはもう使えません。",
        Reason.CODE_MISSHAPEN: "コードは6桁の数字です。入力し直してください。回数には数えていません。",
        Reason.TRIES_SPENT: "間違いが多すぎたため、コードを無効にしました。",
        Reason.KIND_CLOSED: "間違いが多すぎたため、この方法を停止しました。窓口にご連絡ください。",
        Reason.ALREADY_CONFIRMED: "すでに確認済みです。",
        Reason.NO_LOGIN_WAITS: "ここへのメッセージを待っているログイン画面はありません。",
        Reason.ALREADY_APPROVED: "すでに承認済みです。",
        Reason.APPROVAL_OVER: "この依頼は終了しました。何も承認していません。",
        Reason.DIGITS_WRONG: "画面の数字と異なります。ログインを終了しました。",
        Reason.DIGITS_MISSING: "画面に表示された2桁の数字を入力してください。",
    },
}
_GONE = {"en": "There is nothing like that here any more.", "ja": "該当するものは、もうありません。"}
_TRIES_LEFT = {"en": " Tries left: {tries}.", "ja": "残り{tries}回です。"}
_WAIT = {
    "en": ("Please wait {number} seconds, then try again.", "Please wait {number} minutes, then try again."),
    "ja": ("{number}秒待ってから、もう一度お試しください。", "{number}分待ってから、もう一度お試しください。"),
}
_TWO_MINUTES = 120


def refusal(why: Refused | Throttled, language: str, zone: tzinfo) -> str:
    """Write why something was not done."""
    if isinstance(why, Throttled):
        return _wait(why, language)
    sentence = _REASONS[language].get(why.reason, _GONE[language])
    if why.until is not None:
        return sentence.format(time=clock(why.until, zone))
    if why.reason is Reason.ANSWER_WRONG and why.tries_left:
        return sentence + _TRIES_LEFT[language].format(tries=why.tries_left)
    return sentence


def clock(at: datetime, zone: tzinfo) -> str:
    """Write a time of day."""
    return f"{at.astimezone(zone):%H:%M:%S}"


def _wait(why: Throttled, language: str) -> str:
    seconds = max(1, ceil(why.retry_after.total_seconds()))
    in_seconds, in_minutes = _WAIT[language]
    if seconds <= _TWO_MINUTES:
        return in_seconds.format(number=seconds)
    return in_minutes.format(number=ceil(seconds / 60))
