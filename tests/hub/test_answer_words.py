"""What people write in answer to a letter: yes, no, or what needs a help letter; by the words alone."""

import re

import pytest

from hub.inbound.answers.commands import command_of, is_absence
from hub.inbound.mail_commands import Confirm, Help, ListContacts, Refuse, Remove
from tests.support.paths import ROOT

YES = """
"yes" | *Yes* | OK | Okay. | Yes | _yes_ | ok | okay | yes. | “Yes” | 「はい」 | はい! | はい… | はい、 | はい。。 | はい． | 確認 | ｏｋ
【はい】 | はい お願いします | はい♪ | はい、お願いします。 | はい、よろしくお願いいたします。 | はい、大丈夫です。 | はい、登録してください。
はい、確認しました。 | はい、間違いありません。 | はい。お願いします。 | はい〜 | はいはい | はーい | ・はい | OK、お願いします | OKです。 | ＯＫです
お願いします | そうです | オーケー | 了解しました | 了解です | 問題ありません | 承知しました | 承認します | 登録してください | 登録します
確認いたしました。 | 確認しました。 | 私です。 | Confirmed | Correct | I confirm. | O.K. | Sure. | Y | y | Yes please | Yes, please.
Yes, I confirm. | Yes, it was me | Yes, that's me | Yes. Thank you! | accept | approve | please register | that's me | yeah | yep | yup
ハイ | ﾊｲ | はい！！ | ✅はい | はい👍 | はい🙇‍♂️ | ＹＥＳ | Yes!!! | YES 👍 | yes :) | はい(^^) | はい。ありがとうございます。 | はい、私です。
はい、本人です。 | 本人です | はい、そうです。 | はい、その通りです。 | はい、届きました。よろしくお願いします。 | はい、承認いたします。 | 承知いたしました。
承諾します | 同意します | 許可します | 登録をお願いします。 | 登録をお願いいたします | 登録お願いします | 登録願います | 登録して下さい。 | 登録していただけますか
登録をお願い致します。 | よろしくお願いします。 | 宜しくお願い致します | お願い致します。 | はい、宜しくお願い申し上げます。 | はい、登録をお願いいたします。
はい、問題ありません。 | はい、問題ございません。 | 間違いございません。 | はい、間違いないです。 | はい、確認できました | 私に間違いありません。
はい、私のアドレスです。 | はい、登録で大丈夫です。 | うん | ええ | はいっ | OKです、よろしくお願いします | オッケーです | オーケーです | 了解いたしました。 | 承知いたしました、よろしくお願いいたします。
Yes, confirmed. | Yes - it's me | Yes, this is me. | Yes, this is my address. | Yes, this is my email address. | It was me. | It's me | its me | thats me | this is me | yes it's me
I confirm this registration. | I confirm the registration. | I approve. | I accept. | I agree | I do confirm | please confirm | Please proceed. | Please go ahead. | go ahead
Okay, thanks. | OK thanks | ok thank you | Ok, please. | Yes, thank you very much. | Yes, that is correct. | That's correct | That is right. | Sure, please. | Sure, thanks | Certainly. | Of course.
Yes, of course. | Absolutely | Definitely. | Yes, I did. | Yes, I requested this. | Yes, I requested it. | I requested this. | Yes please register | Yes, please register it. | Yes, please add this address.
yes yes | Yes, ok | Yes Sir | Yess | aye | confirm | I hereby confirm. | Yes, no problem. | Yes, no worries. | Yes, go ahead please
a) yes | - yes | 1. はい | • OK | "OK" | (yes) | 〈はい〉 | ［はい］ | {yes} | yes… | yes\u200b | \ufeffはい | は\u200bい | <yes>
はい、登録お願いします | はい、登録をお願いいたします。 | はい登録してください | はい。登録してください。よろしくお願いします。 | はい、よろしくお願いします！ | はい、お願い致します。 | はい。宜しくお願いします | はい、お願いいたします | はい、おねがいします | はい、確認いたしました。よろしくお願いいたします。 | はい、確認済みです | はい、承知しました
はい、了解です | はい、了解しました。 | はい、OKです | はい、大丈夫です。よろしくお願いします。 | はい、間違いございません | はい、私が登録しました。 | はい、私が申請しました | はい、私本人です | はい、本人に間違いありません | はい、自分です | はい、登録します | はい、登録いたします
はい、登録を希望します。 | はい、そうです | はい、それでお願いします | はい、このアドレスでお願いします | はい、このアドレスで登録してください | はい、このアドレスを登録してください。 | はい、私のメールアドレスです | はい、問題ないです | はい、問題なしです | はい、ありがとうございます | はい、ありがとうございます。よろしくお願いいたします。 | はい、どうぞ
はい！よろしくお願いします！ | はぁい | はいっ！ | はいです | はい。。。 | はいはいはい | 承認 | 承認です | 承認いたします。 | 承認お願いします | 確認です | 確認OKです
確認しましたので、登録をお願いします。 | 確認しました。登録をお願いします。 | 確認いたしました。よろしくお願いいたします。 | 確認できました。 | 了解 | りょうかいです | 承知 | 承知です | 承知いたしました。よろしくお願いします。 | 同意 | 同意いたします | 許可
許可します。 | 登録で | 登録希望 | 登録希望です | 登録を承認します | 登録に同意します | 登録を許可します | アドレスの登録をお願いします | このアドレスを登録してください | このメールアドレスを登録してください。 | 登録をよろしくお願いします | 登録よろしくお願いします
登録の方お願いします | 登録お願い致します。 | 登録お願いいたします！ | 私です！ | 私ですよ | わたしです | 私本人です。 | 本人です。よろしくお願いします。 | 私の操作です | 間違いありません。 | 間違いないです | まちがいありません
問題ないです | 問題ございません。 | 異議ありません | 異存ございません | ええ、そうです | うん、お願いします | もちろんです | もちろん、お願いします | オーケーです！ | オッケー | おっけーです | OK！
OKでーす | ok です | OKです。よろしくお願いいたします | ＯＫ、了解です | Yes、お願いします | YESです | yes お願いします | イエス、お願いします | お願いします！ | おねがいします | よろしくお願いいたします。登録してください。 | お手数ですが登録をお願いします
お手数ですが、登録をお願いいたします。 | お世話になっております。はい、お願いします。 | お世話になっております。登録をお願いいたします。 | はい。お世話になっております。 | はい、以上です | はい。以上よろしくお願いいたします。 | はい、こちらで登録をお願いします
Yes. | yes! | YES | Yes!! | Yes, thanks | Yes, thank you | Yes thanks! | yes pls | Yes plz | Yes, kindly register | Yes, please confirm | Yes, please confirm it
Yes, please register my address | Yes, please register this address. | Yes, please go ahead | Yes, please do | Yes please do so | Yes, register it please | Yes, I agree | Yes, I accept | Yes, I approve | Yes, I do | Yes I do confirm | Yes, I can confirm
Yes, I can confirm this. | Yes, I confirm that | Yes, I confirm this registration | Yes, I confirm my email address | Yes I am | Yes, it is | Yes it is me | Yes, it's me. | Yes, it is mine | Yes, this is mine | Yes, that is mine | Yes, that was me
Yes, this was me | Yes that was me, thanks | Yes, it was me. Thank you | Yes, I did this | Yes, I did it | Yes, I made this request | Yes, I requested that | Yes, I asked for this | Yes, I want this | Yes, I added it | Yes, this is correct | Yes, correct
Yes correct, thank you | Yes, that's right | Yes, right | Yes, indeed | Yes, sure | Yes, absolutely | Yes, definitely | Yes, of course! | Yes, ok | Yes okay | Yes - confirmed | Yes: confirmed
Yes/OK | Yes & thanks | Yes, all good | Yes, fine | Yes, fine with me | Yes, great | Yes, perfect, thanks | Yes, looks good | Yes, best regards | Yes, have a nice day | Yes sir! | Yes, Tegata team
OK! | Ok! | okay! | okay thanks | Okay, thank you! | OK, confirmed | OK, I confirm | OK, approved | ok approved | Ok, it was me | okay, that's me | okey
oki | Sure | sure! | Sure thing | For sure | Certainly | Of course | Definitely! | Absolutely! | Affirmative | Agreed. Yes. | I agree.
Approved | Approved. | approved, thanks | I approve this | I approve this request | I hereby approve | Accepted | accept it | I accept this | I accept, thanks | Confirmed! | confirmed, thanks
Confirmed. Thank you. | Confirm please | please confirm it | Please confirm my address | I confirm this | I confirm it | I confirm it was me | I confirm that it was me | I confirm that this is me | I confirm that this is my address | I can confirm | I can confirm that this was me
I would like to confirm | I want to confirm my address | Correct! | Correct, thanks | That is correct | this is correct | It is correct | That's right | It was me! | it was me, thanks | It is me. | it's me :)
this was me | That was me | That was me, thanks! | This is my address | this is my email | This is my email address | it's mine | It is mine | That's mine | please register me | Please register it | Please register this address
Please register my address. Thanks. | please add it | please add my address | please proceed | Please proceed with the registration | proceed please | Go ahead | Go ahead please | go ahead, thanks | yea | yeah! | yeah, that's me
yep, that's me | yep! | yup thanks | ye s
"""
NO = """
"not me" | NO | No! | Not me. | no | not me | this was not me | いいえ | いいえ！ | ちがいます | 心当たりがない | 私ではありません。 | 身に覚えがない | 違います。
Cancel | I did not request this | I didn't request this. | No, it wasn't me | No, thanks | No, this was not me. | Refuse | That was not me | This wasn't me
decline | deny | no not me | stop | that's not me | was not me | wasnt me | wrong person | いいえ、心当たりがありません。 | いいえ結構です | いえ、違います
いりません | やめてください | キャンセルしてください | 不要です | 全く心当たりがありません。 | 取り消してください | 心あたりがありません | 心当たりがございません。
心当たりはございません | 拒否します | 止めてください | 申し込んでいません | 登録しない | 知らない | 私じゃありません | 私ではないです | 覚えがありません
身に覚えがございません | はい、違います | 身に覚えがありません | 身に覚えはございません。 | 身におぼえがない | こころあたりがありません | お心当たりがない | 心当たりなし | 心当たりがないです
心当りがありません | 心当たりは全くございません。 | まったく心当たりがない | 全然心当たりがありません | 心当たりがなく、困っています。 | 心当たりございません | 心当たりがありませんでした。 | 心当たりが無い
心当たりがない: このログインを止める | 心当たりがない: 登録を止める | 取り消す | 止める | 停止 | 中止 | 中止してください | 停止してください | 登録を取り消してください | 登録を中止してください
登録を停止してください。 | 登録を拒否します | 拒否 | 拒否する | 取消 | 取り消し | 取消してください | 取りやめてください | とりけしてください | とりけし | キャンセル | キャンセルします | キャンセルお願いします
ｷｬﾝｾﾙしてください | ストップ | ストップしてください | やめて | やめて下さい | やめます | やめてほしい | 辞めてください | 登録をやめてください | 止めて | 止めて下さい | 登録を止めてください | 止めます
おやめください | お断りします | 断ります | 遠慮します | 遠慮いたします | 辞退します | 却下 | 却下します | 否認します | 承認しません | 承認できません | 承認いたしません | 同意しません | 同意できません
許可しません | 許可できません | 認めません | 認められません | 登録しません | 登録していません | 登録してません | 登録した覚えはありません | 登録した覚えがない | 登録を希望しません | 登録は不要です | 登録しないでください
登録しないで下さい | 登録しないで | 登録の必要はありません | 必要ありません | 必要ないです | 不要 | いらない | いらないです | 要りません | 要らない | 申し込んだ覚えはありません | 申し込んでいない | 申込みしていません
申し込みしておりません | 依頼していません | 依頼しておりません | 依頼した覚えがありません | 頼んでいません | 頼んでない | 頼んだ覚えはない | 要求していません | 請求していません | リクエストしていません | ログインしていません
ログインしてない | 私は何もしていません | 何もしてません | していません | しておりません | そのようなことはしていません | 私がやったのではありません | 操作していません | 操作した覚えがありません | 記憶にありません
記憶にございません | 記憶がない | 知りません | 知らないです | 存じません | 存じ上げません | まったく知りません | しらない | しりません | 知らん | 私じゃない | 私じゃないです | 私ではない | わたしではありません | 私ではございません
僕じゃない | 俺じゃない | 自分ではありません | 本人ではありません | 本人じゃないです | 私のではありません | 私のアドレスではありません | 私の操作ではありません | 違う | ちがう | 違うよ | 違います！ | ちがうよ | 全然違います | 人違いです | 人違いではないですか
間違いです | 間違いメールです | 間違えて届いています | 別人です | 他人です | 他の人です | 第三者の操作です | 誰かが勝手にやっています | なりすましです | 不正アクセスです | 不審なメールです | 詐欺だ | 乗っ取りです | フィッシング？
いえ | いえ、知りません | いや | いやです | 嫌です | 嫌だ | いや、違う | だめ | だめです | ダメ | 駄目です | NG | ＮＧです | ノー | ノー！ | いいえ。 | いいえ〜 | イイエ | ｲｲｴ | 【いいえ】 | 「いいえ」 | ・いいえ | いいえ🙅 | いいえ、結構です。
削除してください | 削除をお願いします | 登録を削除してください | 消してください | 登録解除してください | 解除してください。登録を解除 | 破棄してください | 無効にしてください | ブロックしてください | 無関係です | 関係ありません | 関係ないです
はい、でも私ではありません。 | はい。ただし、心当たりがありません。 | OK、でも違います | はい、キャンセルしてください | 了解しました。取り消してください。 | 確認しましたが、心当たりがありません。 | 確認しましたが身に覚えがありません。
お世話になっております。心当たりがございませんので、取り消しをお願いいたします。 | このメールに心当たりがありません。 | こちらの登録について身に覚えがございません。 | 申し訳ありませんが、心当たりがありません。 | すみません、違います。
No. | Nope | nope! | Nah | NO!!! | “No” | *No* | no. | No thank you | No thanks. | no, sorry | No, it is not me | No it's not me | No, I didn't | No, I did not | No I don't | no no no | no way | oh no | absolutely not | definitely not | certainly not | of course not | I think not
It wasn't me | It wasn’t me | It was not me | it wasnt me | it isn't me | It isn’t me | It isnt me | its not me | it's not me! | that wasn’t me | that wasnt me | this isn't me | this isn’t me | this is not me | That isn't me | thats not me | That’s not me. | wasn't me | Wasn’t me | not me!! | NOT ME | not mine | not my account | this is not my account
this is not my address | That is not mine | I'm not the person | I am not this person | I'm not Taro | I didn’t request this | I didnt request this | i didn't ask for this | I did not ask for that. | I never asked for this | I never requested this | I have not requested this | I haven't requested anything | I havent registered
I don't want this | I don’t want this | I dont want it | I do not want to register | I don't recognize this | I don’t recognise this request | I do not recognise it | I don't know this | I don't know what this is | I don't know anything about this | I know nothing about this | I have no idea what this is | I have no account | I have no knowledge of this
I do not agree | I don't agree | I disagree | I don't accept | I do not accept this | I do not approve | I don't authorize this | I did not authorise this. | not authorized | unauthorized | I do not consent | I refuse | I refuse this | refused | rejected | reject | I reject this | Denied | declined | I decline. | cancelled | canceled
please cancel | Cancel please | Please cancel this registration. | cancel it | cancel this | Cancel! | STOP | Stop it | stop this | Please stop | please stop this registration | Stop this registration | Yes, stop it | Yes, end it | End this login | This was not me: end this login | This was not me: stop this registration
don't | Don't! | do not | please don't | don't register | Don’t do it | don't do this | do not proceed | Do not register this address | don't add me | do not add this address | please do not register | abort | block | block it | block this | revoke | remove me | please remove my address | delete my email | Delete this registration
wrong address | Wrong email address | Wrong recipient | you have the wrong person | wrong number | It's a mistake | This is a mistake. | by mistake | There must be a mistake | sent in error | somebody else did this | someone else is using my address | not by me | Not requested by me | hacked | I was hacked | phishing | scam | fraud! | This is spam | suspicious
Not interested | not needed | no longer needed. I don't need it | I do not need this | unsubscribe | never | Never! | negative | undo | withdraw | That is wrong | false | I did not log in | I didn't log in | I have not logged in | I wasn't logging in | I was not trying to log in | I didn't sign up | I did not do this | I didn't do that | I did not do it | I didn't make this request | I haven't done this | I did not. | I didn’t
Yes, but it wasn't me | OK but I did not request this | Yes. Actually no, not me. | Thanks, but this wasn't me. | Hello, I did not request this. | Hi, this wasn't me | Dear Tegata, this was not me. | Sorry, wrong person. | Who are you? I did not ask for this. | didn`t request this | I didn´t request this
心当たりがありませんので停止をお願いします | 身に覚えのない登録です | 身に覚えのないメールが届きました | 心当たりのないメールです | 覚えのない操作です | 覚えのないログインです | 私の知らない登録です | 知らない人からのメールです | 登録を希望いたしません | 希望しません | 望みません | 望んでいません
登録したくない | 登録したくありません | 登録はしたくないです | 登録するつもりはありません | 申請していません | 申請した覚えはございません | 申請しておりません | 利用しません | 利用していません | 使いません | 使っていません | お断りいたします
お断り申し上げます | 結構です、登録しません | ご遠慮させていただきます | 遠慮しておきます | 拒否いたします | 拒否させていただきます | 拒絶します | 却下してください | 取り消しでお願いします | 取消でお願いします | 取消しをお願いいたします | 取り止めてください
取り下げます | 取り下げてください | 取消希望 | キャンセル希望 | キャンセルをお願いします | キャンセルで | 中止で | 中止願います | 停止願います | 停止をお願いいたします | 中断してください | 登録中止
登録停止 | 登録拒否 | 登録不要 | 登録取消 | 登録キャンセル | ログインを止めてください | ログインを停止してください | すぐに止めてください | 至急止めてください | 今すぐ停止して | 止めろ | やめろ
やめとけ | やめてよ | やめましょう | やめておきます | やめたいです | やめてもらえますか | 止めてもらえますか | 止めていただけませんか | 取り消していただけますか | 取り消していただけませんでしょうか | キャンセルしていただけますか | 中止していただけませんか
削除していただけますか | 登録しないでいただけますか | 登録しないでもらえますか | 送らないでください | もう送らないでください | メールを送らないで | 認証しないでください | 許可しないでください | 承認しないでください | 私ではありませんので | 私ではないので止めてください | 私ではございません。
私じゃありませんでした | 私ではなかった | 私がしたことではありません | 私がしたものではありません | 私が登録したのではありません | 私がやったことではない | 私は登録していません | 私は申し込んでいません | 私は頼んでいません | 私は知りません | 私には関係ありません | 私には覚えがありません
これは私ではありません | それは私じゃない | 本人ではございません | 自分じゃないです | 自分じゃないよ | 僕ではありません | うちではありません | 当方ではありません | 当方では申し込んでおりません | 当方の操作ではございません | 山田ではありません | そうではありません
そうじゃない | 違いますよ | 違うんですが | 違うと思います | 違いますので取り消しを | ちがいますよ | チガイマス | ﾁｶﾞｲﾏｽ | ちゃいます | イヤ | いやだ | イヤです
嫌 | お断り | ことわる | 断固拒否 | 断る | ダメです | だめ！ | 不可 | 不可です | 否 | 否です | 否認
不承認 | 不許可 | NG | ng | ノーです | ノーサンキュー | NOです | Noです | no です | 不正なログインです | 不正アクセス | 不審な登録
不審です | 怪しい | 怪しいです | 詐欺ですか | 乗っ取られています | なりすまされています | 成りすまし | 盗まれました | 第三者です | 他人が登録しています | 別の人です | 他の者が登録したようです
間違い | 間違いです。 | 間違っています | 間違いだと思います | 間違いかと思います | 誤送信です | 誤りです | 誤って届いています | 宛先間違いです | 宛先が違います | 人違い | 人ちがいです
相手を間違えています | アドレスが違います | アドレス間違いです | 存じておりません | 存じません。 | 知りませんでした | 知らなかった | 知らねえ | 記憶にないです | 記憶にございません。 | 全く身に覚えがございません | 身に覚えが全くありません
まったく覚えがない | 全然覚えがありません | 見覚えがありません | 思い当たりません | 思い当たることがありません | 思い当たる節がありません | 心当たり、ありません | 心当たりは、まったくありません | こころ当たりがない | 心当たりがな い | 心　当たりがない | 心当たりがぜんぜんない
覚えてないです | 覚えていません | してません | してないです | やってません | やってない | やっていません | 何もやっていません | ログインしようとしていません | ログインした覚えがありません | ログインはしていない | アクセスしていません
コードを依頼していません | コードを請求していません | コードを要求した覚えはありません | コードは頼んでいません | パスワードを要求していません | 不要なので消してください | 消して | 消してほしい | 削除して | 削除して下さい | 削除希望 | 削除依頼
登録を消してください | 解除してください | 解除 | 登録解除 | 解除お願いします | 退会します | 配信停止 | 配信停止してください | 無効にしてください | 無効化してください | 反対です | 反対します
同意しない | 承諾しません | 承認しない | 許可しない | 了承できません | 了承しません | 認めない | 応じません | 受け入れません | 賛成しません | はい、でも知りません | はい、取り消してください
はい？知りません | はいじゃない | はいではありません | OKではありません | OKじゃないです | 大丈夫ではありません | よくないです | だめだよ | 無理です | いえいえ、違います | いえ、結構です | いいえ、登録しません
いいえ、違います | いいえ私ではありません | いいえ。私ではありません。 | いいえ(違います) | いーえ | いいえー | いいえっ | いや、知らない | いやいや | いや、そうではない | いりません。 | 要らないです
必要ございません | 必要がありません | 必要ではありません | 要りませんので | もう結構です | もういりません | 迷惑です | 迷惑しています | 通報します、不正です | ロックしてください | アカウントをロックして | ブロック
I do not recognise this | I don't recognize it. | I do not recognize this activity | Not recognized | I don't remember this | I don't remember requesting this | I do not recall this | I don't recall asking for this | I have no recollection of this | no memory of this | I've never heard of this | never heard of it
I never signed up | I've never signed up for this | never signed up | I never did this | I never registered | I've not requested this | I've not done this | I am not trying to log in | I'm not logging in | I'm not trying to sign in | I was not trying to register | I wasn't trying to do that
Wasn't I | that wasn't from me | this isn't mine | It isn't mine. | not mine! | not my request | not my email | this isn't my email | it is not my login | That's not my login | that is not my doing | wasn't my doing
this was not requested by me | this was not done by me | this wasn't done by me | it was not initiated by me | not initiated by me | was not requested by me | it was somebody else | it was someone else | Somebody else did it | That was someone else | another person did this | someone is using my account
unknown person | I don't know who did this | I don't know who this is | I don't know about this | don't know this | do not know | I don't know you | I do not know him | nobody here requested this | no one here asked for this | We did not request this | We didn't do this
We don't want this | He did not request this | I did not initiate this | I did not make this request | I didn't make it | I did not start this | I did not submit this | I did not enter this address | I did not give you my address | I didn't enter my email | I did not agree to this | I did not approve this
I did not consent to this | I can't approve this | I cannot accept this | I can not agree | I won't confirm | I will not confirm this | I won't accept | I don't confirm | I do not confirm | not confirmed | not approved | not accepted
not agreed | not correct | not right | incorrect | wrong | Wrong! | wrong email | That's wrong | this is wrong | This is incorrect | Not true | untrue
not valid | invalid request, cancel | not ok | not okay | Not OK! | not interested | not interested, thanks | no interest | no, i am not interested | No I'm good, cancel | no need | not necessary
not required | No longer wanted | unwanted | unsolicited | unauthorised | Unauthorized access | unauthorised login | Fraud | fraudulent | It's a scam | this is a scam | looks like phishing
Spam | spam!! | suspicious login | hack | hacker | somebody hacked me | my account was hacked | my password was stolen | compromised | Please stop it | please stop | STOP!!
stop please | stop the registration | stop this login | stop that | stopped | Kindly stop | end it | please end it | end this session | end the login | please end this login | cancel registration
cancel the registration | cancel this request please | Please cancel it | please cancel that | kindly cancel | i want to cancel | I'd like to cancel | I would like to cancel this | cancelation | abort! | abort this | refuse registration
I refuse the registration | I must decline | I'll decline | decline please | declined | Deny it | deny this request | deny access | denied. | reject it | please reject | rejected!
block this login | block the account | lock my account | lock the account | please lock it | revoke it | revoke access | disable it | terminate | terminate it | withdraw it | take me off
remove me from this | remove my email | remove this | Remove it | delete it | delete this | delete me | please delete my address | delete my account | unsubscribe me | opt out | forget it
ignore this | Please ignore this request | disregard, not me | never mind | nevermind | NEVER | nah | nay | nope. | nope, not me | Nope, wasn't me | no!
no, not me | no, that wasn't me | No - not me | No: not me | no... not me | No; I didn't | no it isn't | no it was not | no this is not me | no that's not me | no way! | no sir
no please | no please don't | no thx | no ty | noo | Nooo | NO NO NO | no, never | no, cancel | no, stop | no, wrong person | no, I don't want this
No because I didn't ask | no, sorry, wrong address | sorry no | Sorry, no. | Sorry, not me | sorry but no | I'm afraid not | I am afraid this was not me | I said no | my answer is no | The answer is no. | that's a no
it's a no | Hell no | absolutely no | definitely no | certainly not me | not at all | not really | not a chance | rather not | I'd rather not | prefer not to | I prefer not
better not | please no | please not | don't! | dont | DON'T | Do not! | do not do this | do not do it | don't do that | dont do it | dont register me
dont add it | don't confirm | don't confirm it | Don't approve | do not approve | do not allow this | don't allow it | don't let them in | Don't send me codes | do not send | please don't send this | didn't
I didn't! | didn't do it | didnt do it | did not do that | didnt do that | didn't ask | didn't ask for it | didn’t ask for it | did not ask | didnt request | didn't request | not requested
I havent asked for this | I hadn't asked for this | I wouldn't do that | I would never do this | isn't me | Isn’t me | isnt mine | aint me | ain't me | it ain't me | It ain’t me | wasn t me
it wasn t me | wasnot me | it wasnot me | didnot request | i didnot do this | cannot be me | it can't be me | can't have been me | it couldn't have been me | This has nothing to do with me | nothing to do with me | I have nothing to do with this
I object | objection! | I oppose this | disapprove | I disavow this | I disown this | by mistake, cancel | This was a mistake | This must be a mistake | It was sent to me by mistake | you got the wrong guy | wrong guy
You have the wrong email | wrong mailbox | wrong account | mistaken identity | in error | I think this was sent in error | Who is this? I did not request it | What is this? Stop it. | ?? not me | yes, but not me | yes, cancel it | ok cancel
okay, stop it | Sure, but this wasn't me | Yes I know but I did not do this | thanks but no | thanks but no thanks | Thank you, but no. | Hi, no. | Hello, not me | Hi! This was not me! | Dear team, I did not request this. Please cancel. | N | n
nein | non
"""
HELP = """
Who is this? | yes but not now | Hi, | ？ | - | test | 123456 | 今忙しいです | 結構です | 大丈夫です | 届きましたか | どうすればいいですか | 何のメールですか | これは何ですか | どちら様ですか | ありがとうございます | Thanks | Thank you
お世話になっております。 | 山田です。 | Dear Tegata, | ヘルプをください | わかりません | よくわかりません。 | コードが届きません | リンクが開けません | ログインできません | 登録できません | 登録できませんでした | 登録できないのですが | 確認できません | コードが届いていません | メールが届かない | 登録されていません | パスワードを覚えていません
I can't log in | I cannot open the link | The link doesn't work | The code did not arrive | I can't find the code | I did not receive the code | I don't know how to confirm | How do I confirm? | What is this? | Not sure | I am not sure | No code arrived | No worries | Maybe | later | not yet | What should I do? | The code was not accepted | my name is Taro
はい、でも | はい、ただし明日 | はい、しかし | yes but | Yes, if it is free | yes? and then | OK then what | Yes, I will be on vacation until 20 April. | はいく | はいえな | 確認中です | 確認します、少々お待ちください | 検討します | 保留 | 後で | 不明です | かもしれません | 私かもしれません | 止めないでください | キャンセルしないでください | don't cancel | Please do not cancel
私は今忙しいです | メールを受け取りましたが、どうすればいいですか | 心当たりがない場合はどうすればいいですか | 迷惑メールフォルダに入っていました | ご迷惑をおかけしました | 申し訳ありません | すみません | まとめて | 認めます、が | I have a question | ok google what time is it | 👍 | 🙏
ログインできません | コードが使えません | リンクが切れています | URLが開けない | コードが表示されません | このメールの意味がわかりません | 意味が分からない | どういうことですか | 登録の方法がわかりません | 登録方法を教えてください | 登録したいのですが方法がわかりません | 登録したいです、どうすればいいですか
登録がうまくいきません | 登録画面が表示されません | コードを入力できません | 入力しましたが進めません | 期限が切れました | もう一度送ってください | 再送してください | 再送をお願いします | まだ届いていません | 確認が取れません | 確認のしようがありません | パスワードを忘れました
アドレスを変更したいです | 名前を変えてください | 誰ですか | 誰が登録しましたか | なぜこのメールが届いたのですか | これは本物ですか | 質問があります | 教えてください | 窓口の電話番号は？ | お電話ください | 明日確認します | 後で登録します
あとで確認します | 検討中です | はい？ | はい、検討します | はい、後で確認します | はい、少しお待ちください | はい、ただ今忙しいです | はい、でも不安です | はい、もし可能なら明日 | はい、質問があります | はい、コードが届きません | はい 登録できませんでした
OK、後でやります | 了解、でも待って | 承知しましたが、少し待ってください | 登録してもいいですか | 登録してください、ただし明日から | 私ですか | 私でしょうか | 山田太郎 | 山田 | 工学部 | 〇 | …
。 | 12 | 482913 | http://example.org/ | あ | あああ | テスト | テストです | やあ | おはようございます | お疲れ様です | ご連絡ありがとうございます。
よろしく | どうも | すみません | ごめんなさい | まちがえました | 急いでいます | 雨が止みました | まとめて送ってください | はやめにお願いしたいのですが窓口はどこですか | 求めている答え | 見覚えがあるかもしれません | 心当たりがあります、登録方法は？
覚えています | 知っています | 知りたいです | お知らせください | お知らせを見ました | 違いを教えてください | 間違いなく届きました | 間違いでなければ | 不在です | ただいま不在にしております | 夏季休業中です | 休暇中のため返信できません
本日休みをいただいております | このメールは自動返信です | お問い合わせありがとうございます。担当者より追ってご連絡いたします。 | 現在、メールを確認できない状況です。 | メールの確認が遅れます
I cannot log in | I can't confirm | I could not confirm | I couldn't register | I can't register my address | The link is broken | The link does not open | the code doesn't work | The code has not arrived | The page is not working | The button doesn't work | My password doesn't work
I don't see the code | I don't see any code | I haven't received the code | I have not received anything | I never received a code | I never got the code | It didn't work | It does not work | it is not working | this is not working | not working | Didn't work
I don't understand | I do not understand this mail | I don't understand what to do | I am not able to open it | I am unable to open this | Do I need to do anything? | What do I need to do? | what is this about | Who are you? | why | why did I get this? | Is this real?
Can you help me? | Please help | I need help | Please call me | Please send again | send the code again | resend | please resend it | Where is the code? | When does it expire? | I will check later | I'll confirm later
I will confirm tomorrow | Let me check | let me think | One moment | wait | hold on | not now | not today | not yet | maybe later | Perhaps | possibly
I guess | I suppose so | probably me | could be me | maybe it was me | it might be me | Was this me? | Yes? | Yes, but | Yes, however I am busy | Yes, what now? | Yes, and please call me
Yes, and change my name | Yes. My phone number is 123 | OK, but later | OK, when? | Ok but first call me | sure, later | Sure, once I am back | yes if possible | yes unless it costs money | Yesterday | Yes man is a film | Okinawa
Confirmation? | Confirm what? | confirm later | Yes out of office | yes, away | yes, I am away | Taro | Taro Yamada | University of Tokyo | Best regards, | Regards | hello
Hello there | Good morning | Dear sir | Thanks! | Thank you for your mail | Thank you very much! | Great | good | Fine | nice | cool | 1
0 | :) | !!! | ... | abc | asdf | lorem ipsum dolor | https://example.org | I am currently traveling with limited access to email. | Automatic reply: I am away | I am out of office and will respond when I return. | On vacation until Monday
I'm on annual leave | I will be back on Monday | Thanks for your message, I will get back to you. | Your request has been received (ticket #123). | I don't mind | Don't worry | no problem | No problem! | no objection | no worries | No worries! | if it was not me?
I have no questions | not sure | I'm not sure | I am not sure if that was me | no code | No link | No mail arrived | There is no code
"""
OUT_OF_OFFICE = """
I am out of the office until 5 January. | Yes, I am out of the office. | OK, I am on leave until 5 January. | I'm on vacation. | I will be away until Monday. | Automatic reply | 不在にしております。 | はい、休暇中です。 | 休暇をいただいております | 出張のため不在です。返信は後日となります。 | 自動応答です | ただいま外出しております
"""


def cells(table: str) -> list[str]:
    """Cut a table into its wordings."""
    written = table.replace("\\u200b", "\u200b").replace("\\ufeff", "\ufeff")
    return [one.strip(" \n") for one in re.split(r" \| |\n", written) if one.strip(" \n")]


@pytest.mark.parametrize("said", cells(YES))
def test_a_natural_yes_is_a_yes(said: str) -> None:
    """Affirming words, and nothing but politeness beside them."""
    assert command_of(said) == Confirm()


@pytest.mark.parametrize("said", cells(NO))
def test_a_natural_no_is_a_no(said: str) -> None:
    """Denying words anywhere."""
    assert command_of(said) == Refuse()


@pytest.mark.parametrize("said", [*cells(HELP), *cells(OUT_OF_OFFICE), ""])
def test_what_is_neither_is_no_command(said: str) -> None:
    """A help letter answers it; nothing is done."""
    assert command_of(said) is None


@pytest.mark.parametrize("said", cells(OUT_OF_OFFICE))
def test_the_shapes_of_an_absence_are_known(said: str) -> None:
    """With or without a machine's header."""
    assert is_absence(said)


@pytest.mark.parametrize("before", ["はい\n\n", "Yes.\n", "お世話になっております。\n工学部の山田です。\n\n"])
def test_a_denial_after_a_yes_or_a_greeting_is_a_denial(before: str) -> None:
    """Stopping is the safe side."""
    assert [said for said in cells(NO) if command_of(before + said) != Refuse()] == []


@pytest.mark.parametrize(
    "around", ["{}\n\nよろしくお願いいたします。", "Dear Tegata,\n\n{}\n\nThank you.", "「{}」", "🙏{}🙏", "・{}"]
)
def test_politeness_greetings_and_ornaments_change_no_answer(around: str) -> None:
    """A yes stays a yes, and a no a no."""
    unmarked = [said for said in cells(YES) if said[1:2] not in {")", "."}]
    assert [said for said in unmarked if command_of(around.format(said)) != Confirm()] == []
    assert [said for said in cells(NO) if command_of(around.format(said)) != Refuse()] == []


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("Help!", Help()),
        ("help", Help()),
        ("ヘルプ", Help()),
        ("使い方", Help()),
        ("list", ListContacts()),
        ("List please\n", None),
        ("help?", Help()),
        ("一覧", ListContacts()),
        ("一覧\nお願いします", ListContacts()),
        ("リスト", ListContacts()),
        ("削除 自宅", Remove("自宅")),
        ("remove 携帯", Remove("携帯")),
        ("Remove my phone", Remove("my phone")),
        ("Dear Tegata,\n\nlist\n", ListContacts()),
        ("はい\nでも、これを頼んだのは私ではありません。心当たりがありません。", Refuse()),
        ("OK\n\nI am on leave until 5 January.", None),
        ("Tegata ご担当者様\n\nお世話になっております。\n工学部の山田です。\n\nはい、お願いします。", Confirm()),
        ("Dear Tegata team,\n\nYes, please.\n\nThank you very much.", Confirm()),
        ("Hello,\nyes", Confirm()),
        ("Hi! Yes, that was me.", Confirm()),
        ("はい\nよろしくお願いいたします。", Confirm()),
        ("はい。\n\nお手数をおかけしますが、よろしくお願いいたします。", Confirm()),
        ("はい\n山田は不在です", None),
        ("無理です\nはい", Refuse()),
        ("Yes\nNo", Refuse()),
        ("No worries, confirm", None),
        ("いいえ、大丈夫です", Refuse()),
        ("迷惑メール", Refuse()),
        ("あの件につきまして、身に覚えがありま\nせん", None),
        ("先ほどいただいたご連絡の登録の件につきまして、私には身に覚えがありま\nせん。", Refuse()),
        ("I looked at the request that you sent to this address, and I did\nnot request it.", Refuse()),
    ],
)
def test_an_answer_of_several_lines_is_read_as_a_whole(said: str, command: object) -> None:
    """Greetings are skipped, politeness changes nothing, and each other word does."""
    assert command_of(said) == command


TEMPLATES = ROOT / "mail_gateway" / "templates"


def words_for_stopping() -> set[str]:
    """Read from our letters each word that they name for stopping: quoted words, and the text of the URL."""
    found: set[str] = set()
    for file in TEMPLATES.glob("*"):
        text = file.read_text("utf-8")
        found |= set(re.findall(r'<a href="\{\{ not_me \}\}">([^<]+)</a>', text))
        for sentence in re.findall(
            r"(?:press|answer this mail with|URL を\n?開いて|このメールに)[^\n]{0,3}[\"“「][^\"”」]+[\"”」]", text
        ):
            found |= set(re.findall(r"[\"“「]([^\"”」]+)[\"”」]", sentence))
    return found - {"はい"}


@pytest.mark.parametrize("said", sorted(words_for_stopping()))
def test_each_word_of_our_letters_for_stopping_works_as_an_answer(said: str) -> None:
    """What a letter tells people to press or to write is understood when they write it."""
    assert command_of(said) == Refuse()


def test_our_letters_name_words_for_stopping() -> None:
    """The words are found in the letters, so that the test before tests something."""
    assert {"not me", "心当たりがない", "止める"} <= words_for_stopping()
