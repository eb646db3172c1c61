"""PURE: each screen's words, in Japanese and English."""

from dataclasses import dataclass
from typing import assert_never

from reader_kiosk.hub_client import Reason
from reader_kiosk.screen import (
    Admitting,
    CardForgotten,
    Checking,
    Ended,
    Idle,
    NotNow,
    OutOfOrder,
    PinAsked,
    Reading,
    Screen,
    Trouble,
)


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    ja: str
    en: str

    def of(self, language: str) -> str:
        """Give the text in one of them."""
        return self.ja if language == "ja" else self.en


@dataclass(frozen=True, slots=True)
class Shown:
    """The words on one screen: a heading, what to do, and what went wrong."""

    title: str
    text: str = ""
    error: str = ""


PUT_ON = Words("ICカードをリーダーに置いてください", "Place your IC card on the reader")
TAKE_CARD = Words("カードをお取りください。", "Please take your card.")
TOUCH_TO_GO_ON = Words(
    "あと{seconds}秒で終了します。続けるには画面に触れてください。",
    "This ends in {seconds} seconds. Touch the screen to go on.",
)
STILL_THERE = Words(
    "操作がないため、あと{seconds}秒で終了します。続けるには画面に触れてください。終わる場合はカードをお取りください。",
    "This ends in {seconds} seconds because nothing was touched. Touch the screen to go on, or take your card.",
)
PIN = Words("カードの暗証番号", "Card PIN")
OK = Words("OK", "OK")
DELETE = Words("1文字消す", "Delete one digit")
CANCEL = Words("やめる", "Cancel")
TYPED = Words("{count}桁入力しました", "{count} digits entered")
PIN_FORM = Words("暗証番号は6桁から8桁の数字です。", "The PIN has 6 to 8 digits.")
OTHER_LANGUAGE = Words("English", "日本語")

_READING = Words("カードを読み取っています", "Reading the card")
_ONE_MOMENT = Words("しばらくお待ちください", "One moment, please")
_LEAVE_IT = Words("カードを置いたままお待ちください。", "Please leave the card where it is.")
_GREETING = Words("{name} さん", "{name}")
_PIN_ASKED = Words("カードの暗証番号を入力してください。", "Please enter your card's PIN.")
_PIN_WRONG = Words(
    "暗証番号が違います。ここではあと{tries}回入力できます。",
    "The PIN is not right. You can try {tries} more times here.",
)
_PIN_WRONG_ONCE = Words(
    "暗証番号が違います。ここで入力できるのはあと1回です。", "The PIN is not right. You can try once more here."
)
_CHECKING = Words(
    "確認しています。カードを置いたままお待ちください。", "One moment, please leave the card where it is."
)
_ADMITTING = Words("ログインしています", "Logging in")
_NOT_NOW = Words("このカードではログインできません", "You can't log in with this card")
_TRY_AGAIN = Words("もう一度お試しください", "Please try again")
_TAKE_AND_PUT = Words(
    "カードをいったん取り、もう一度置いてください。", "Take the card and place it on the reader again."
)
_FORGOTTEN = Words("カードをお取りください", "Please take your card")
_ENDED = {
    Ended.UNTOUCHED: Words(
        "しばらく操作がなかったため終了しました。", "This has ended because nothing was touched for a while."
    ),
    Ended.FINISHED: Words("ご利用ありがとうございました。", "You have finished here."),
    Ended.CANCELLED: Words("ログインを取りやめました。", "The login was cancelled."),
    Ended.BROWSER_ENDED: Words(
        "端末のブラウザが停止したため終了しました。もう一度ログインするには、カードを置き直してください。",
        "This has ended because the kiosk's browser stopped. To log in again, place the card on the reader again.",
    ),
}
_OUT_OF_ORDER = Words("この端末はただいま使えません", "This kiosk is out of order")
_HELP_DESK = Words("窓口にお問い合わせください。", "Please ask the help desk.")

_WHY: dict[Reason | Trouble, Words] = {
    Reason.EXPIRED: Words("カードの有効期限が切れています。", "The card has expired."),
    Reason.NOT_YET_VALID: Words("カードはまだ有効になっていません。", "The card is not valid yet."),
    Reason.REVOKED: Words("カードは失効しています。", "The card has been revoked."),
    Reason.FOREIGN_CA: Words("この大学が発行したカードではありません。", "The card was issued by somebody else."),
    Reason.UNSUPPORTED: Words(
        "このカードの認証局が使用している機能に、認証サーバーが対応していません。",
        "This card's CA uses a feature that the login server does not support.",
    ),
    Reason.CA_EXPIRED: Words(
        "カードを発行した認証局の証明書の有効期限が切れています。", "The certificate of the card's CA has expired."
    ),
    Reason.WEAK_KEY: Words(
        "カードの鍵が弱すぎます。新しいカードが必要です。", "The card's key is too weak. You need a new card."
    ),
    Reason.UNSUITABLE: Words("この種類のカードは使えません。", "This kind of card can't be used."),
    Reason.NOT_BOUND: Words("カードがアカウントに登録されていません。", "The card is not registered to an account."),
    Reason.BLOCKED: Words("カードは停止されています。", "The card has been blocked."),
    Reason.ACCOUNT_CLOSED: Words("アカウントは現在使えません。", "The account can't be used now."),
    Reason.UID_CARDS_OFF: Words("この種類のカードは使えません。", "This kind of card can't be used."),
    Reason.RANDOM_UID: Words("この種類のカードは使えません。", "This kind of card can't be used."),
    Reason.WRONG_ANSWER: Words("カードの署名を確認できませんでした。", "The card's signature could not be verified."),
    Reason.LOGIN_OVER: Words("時間がかかりすぎました。", "That took too long."),
    Reason.REPLAYED: Words("うまくいきませんでした。", "That did not work."),
    Reason.THROTTLED: Words("しばらくしてからお試しください。", "Please try again after a while."),
    Reason.BUSY: Words("混み合っています。", "Many people are logging in just now."),
    Reason.SIGNATURE: Words("端末の登録が必要です。", "It has to be enrolled again."),
    Reason.KIOSK_UNKNOWN: Words("端末の登録が必要です。", "It has to be enrolled again."),
    Reason.KIOSK_REVOKED: Words("端末の利用が停止されました。", "It was taken out of service."),
    Reason.CLOCK: Words("端末の時計が{minutes}分ずれています。", "Its clock is off by {minutes} minutes."),
    Reason.MALFORMED: Words("端末のプログラムの更新が必要です。", "Its program needs an update."),
    Reason.CODE_WRONG: Words("端末の登録が必要です。", "It has to be enrolled again."),
    Trouble.UNREADABLE: Words("カードを読み取れませんでした。", "The card could not be read."),
    Trouble.CARD_IN_USE: Words(
        "この端末の別のプログラムがカードを使用しています。", "Another program on this kiosk is using the card."
    ),
    Trouble.DEFECTIVE: Words("カードを読み取れませんでした。", "The card could not be read."),
    Trouble.UNKNOWN_CARD: Words("この種類のカードは使えません。", "This kind of card can't be used."),
    Trouble.NO_CERTIFICATE: Words(
        "このカードにはログイン用の証明書がありません。", "This card holds no certificate for login."
    ),
    Trouble.CHANGING_NUMBER: Words("この種類のカードは使えません。", "This kind of card can't be used."),
    Trouble.PIN_WRONG: Words(
        "暗証番号が違います。このカードでは残りの入力回数を確認できません。",
        "The PIN is not right. This card does not say how many tries are left.",
    ),
    Trouble.HUB_UNREACHABLE: Words("認証サーバーに接続できません。", "The login server can't be reached."),
    Trouble.PIN_BLOCKED: Words("カードの暗証番号がロックされています。", "The card's PIN is blocked."),
    Trouble.LAST_TRY: Words(
        "暗証番号の入力はあと1回でロックされます。最後の1回はここでは使いません。",
        "One more wrong PIN would block the card. The last try is not used here.",
    ),
    Trouble.NO_READER: Words("カードリーダーが見つかりません。", "There is no card reader."),
    Trouble.NO_PAGE: Words("端末の画面を準備できませんでした。", "The kiosk's page could not be opened."),
    Trouble.NOT_LOCKED_DOWN: Words(
        "ブラウザの利用制限が設定されていません。", "The restrictions of its browser are not in place."
    ),
    Trouble.BROWSER_CANNOT_OPEN: Words(
        "ブラウザで認証サーバーのページを開けません。", "Its browser cannot open the login server's pages."
    ),
    Trouble.PAGE_NOT_ALLOWED: Words(
        "このページはこの端末では開けません。", "That page cannot be opened at this kiosk."
    ),
}
_AGAIN_HELPS = {
    Reason.LOGIN_OVER,
    Reason.REPLAYED,
    Reason.THROTTLED,
    Reason.BUSY,
    Trouble.UNREADABLE,
    Trouble.PIN_WRONG,
    Trouble.HUB_UNREACHABLE,
    Trouble.PAGE_NOT_ALLOWED,
}
KIOSKS_OWN = {
    Reason.SIGNATURE,
    Reason.KIOSK_UNKNOWN,
    Reason.KIOSK_REVOKED,
    Reason.CLOCK,
    Reason.MALFORMED,
    Reason.CODE_WRONG,
}


def shown(screen: Screen, language: str) -> Shown:
    """Write a screen's words."""
    match screen:
        case Idle():
            return Shown(PUT_ON.of(language), PUT_ON.of("en" if language == "ja" else "ja"))
        case Reading():
            return Shown(_READING.of(language), _LEAVE_IT.of(language))
        case PinAsked(name, tries, is_wrong):
            return Shown(
                _greeting(name, language), _PIN_ASKED.of(language), _wrong(tries, language) if is_wrong else ""
            )
        case Checking(name):
            return Shown(_greeting(name, language), _CHECKING.of(language))
        case Admitting(name):
            return Shown(_greeting(name, language), _ADMITTING.of(language))
        case NotNow(why):
            return _not_now(why, language)
        case CardForgotten(why):
            return Shown(_FORGOTTEN.of(language), _ENDED[why].of(language))
        case OutOfOrder(why, minutes):
            why_words = _WHY[why].of(language).format(minutes=minutes)
            return Shown(_OUT_OF_ORDER.of(language), why_words)
        case _:
            assert_never(screen)


def _not_now(why: Reason | Trouble, language: str) -> Shown:
    if why is Trouble.CARD_IN_USE:
        # It goes on by itself.
        return Shown(_ONE_MOMENT.of(language), _LEAVE_IT.of(language), _WHY[why].of(language))
    does_again_help = why in _AGAIN_HELPS
    title = _TRY_AGAIN if does_again_help else _NOT_NOW
    onward = _TAKE_AND_PUT if does_again_help else _HELP_DESK
    return Shown(title.of(language), onward.of(language), _WHY[why].of(language))


def _greeting(name: str, language: str) -> str:
    # Not format with the name as the pattern: it may hold braces.
    return _GREETING.of(language).replace("{name}", name)


def _wrong(tries: int, language: str) -> str:
    return (_PIN_WRONG_ONCE if tries == 1 else _PIN_WRONG).of(language).format(tries=tries)
