"""Answers in words of people who read no documentation: dialect, faces, names, complaints, requests to other people."""

import pytest

from hub.inbound.answers.commands import command_of, is_courtesy
from hub.inbound.mail_commands import Confirm, Refuse
from tests.hub.test_answer_words import cells
from tests.mail.test_own_text import mail

# As the sender's header says it; a ⏎ below is the end of a line.
WRITER = "Taro Yamada taro@mail.test"
YES = """
はい | はい。 | はい！ | はい、私です | はい私です。よろしくお願いします | はい、間違いありません | 間違いありません。登録をお願いいたします | 私本人です | 本人で間違いないです | 本人が登録しました | 自分で登録しました
登録をお願いします | 登録して下さい | 登録よろしくお願いいたします。 | お世話になっております。文学部の山田です。はい、登録をお願いいたします。
お世話になっております。⏎経済学部の佐藤花子と申します。⏎⏎こちらのメールアドレスで登録をお願いいたします。⏎⏎何卒よろしくお願い申し上げます。 | 承認いたします | 承知しました。登録をお願いします。 | おｋ | OKです！ | ＯＫ
大丈夫です、登録してください | はい、大丈夫です | 問題ありません。登録してください。 | 確認済みです | はい（＾＾） | はい(^^)/ | はい m(_ _)m | はい、お願いします🙇 | はい、はい | そうやで | せやで、登録してや
ええで | ええよ、登録しといて | はい、頼んます | 私です、登録お願いします！ | はい、そのとおりです。 | その通りです | 相違ございません。 | はい、登録をお願いできますでしょうか。
お手数をおかけしますが、はい、登録をよろしくお願いいたします。 | yesです | はい⏎⏎山田太郎 | はい。⏎山田 | はい、わたしが登録しました。ありがとうございます。 | 心当たりがあります。登録してください。 | 心当たりあります
はい、心当たりございます。 | 認証してください | 有効にしてください | 追加してください | はい　お願いします | 『はい』 | お疲れ様です。はいです。 | ハイ、オネガイシマス | はい、私が申請したものです。 | はい、私がさきほど申し込みました
先ほど登録したのは私です。 | 登録したのは私です | yes | YES!! | yes please | Yes that was me. | yes it is me | Yes, it's me. Thanks! | That was me.
It was me | it's me | This was me, please go ahead. | I did this | I confirm this address | confirmed, thank you | Confirm
Please confirm | Please register this address. | please add this address | Register it please | Please go ahead, thanks
Sure, go ahead! | Yep | Yeah, that's me :) | yes 😀 | Okay | ok, thanks | That's correct. | Right, that was me | I approve | Agreed
Accept | Hi,⏎⏎yes, please register my address.⏎⏎Best regards,⏎Taro Yamada | Hello! Yes :-) | That's my email address
Yes, no problem, it was me | no problem, it was me | No problem, that was me. Please register. | No worries, it was me!
Yes, I know about it | *yes* | Yes indeed | Yes, I am the owner of this mailbox. | Yes, register it. | Verified | I verify this
Yes I can confirm that | I can confirm this was me | It was indeed me | はい(^_^) | はい(^o^)丿 | はい＼(^o^)／ | はいm(__)m | お願いしますm(_ _)m
お願いします(_ _) | はい٩( ᐛ )و | はい(*'▽') | はい(´▽｀) | はい orz | はいw | はいｗｗ | はい笑 | はい（笑） | はい→ | →はい | ⇒はい | ⇒ はい、お願いします | ※はい | 回答：はい
返信：はい | 答え：はい | 返答: はい | Answer: yes | A: yes | Re: yes | Response: Yes | Reply: YES | My answer is yes | My answer: yes
The answer is yes. | It's a yes | It's a yes from me | yes from me | That's a yes | はい、よろしくお願いします。⏎⏎山田 太郎 | はい⏎文学部3年 山田太郎
はい。⏎⏎学籍番号 12345678⏎山田太郎 | はい。⏎⏎以上、よろしくお願いいたします。⏎⏎手形大学 文学部⏎山田太郎 | お疲れ様です、山田です。はい、お願いします。 | 山田です。はい、お願いします。
文学部の山田太郎です。登録をお願いいたします。 | お世話になります。工学研究科の佐藤です。登録をお願いします。 | いつもお世話になっております。⏎山田です。⏎⏎登録の件、承知いたしました。⏎よろしくお願いいたします。⏎⏎山田
こんにちは。はい、そうです。 | こんばんは。山田と申します。登録をお願いいたします。 | 夜分遅くに失礼いたします。はい、登録をお願いいたします。 | はい、こちらのアドレスで問題ございません。 | こちらのメールアドレスで間違いありません。
このアドレスで合ってます | このアドレスで大丈夫です | 自分のアドレスです | 私のメアドです | ボクです | あたしです | うちです | うちやで | わしや | ウチです | 自分やで | はい、うちです | 私がやりました | 自分がやりました
私がしました | 俺がやった | わたしがやったよ | 今登録したところです | 今、私が登録しました | さっき自分で登録しました | さっき登録しました | 先ほど登録しました | たった今登録しました | はい、先ほど登録しました。
先程、登録申請しました | 登録手続きをお願いします | 手続きを進めてください | 進めてください | このまま進めてください | 続行してください | 続けてください | 登録を続けてください | 登録を完了してください | 有効化してください
有効化をお願いします | 認証をお願いします | 認証お願いします | 承ります | 承りました | かしこまりました | 畏まりました | Yes⏎Taro | Yes.⏎⏎Taro | Yes⏎⏎Taro Yamada
Yes, please.⏎⏎T. Yamada | Yes.⏎Best, Taro | Yes!⏎Cheers,⏎Taro | Yes, thank you!⏎/Taro | Yes⏎- Taro | Yes⏎— Taro
Confirmed.⏎⏎Thanks,⏎Taro | Yes, I am Taro. | Yes, I am Taro Yamada. | Yes, Taro here | yes it's me Taro
Yes, that's me, Taro Yamada | This is Taro. Yes. | This is Taro, yes please | Taro here. Yes. | Hi, Taro here. Yes, it was me.
Good morning, yes | Good evening! Yes please.
Hello,⏎I confirm that I have requested the registration of this address.⏎Thank you.
I hereby confirm the registration of my email address. | I confirm that I am the owner of this address | I am the owner
yes this is my inbox | This is my mailbox | This mailbox is mine | yes I'm registering it now | I am registering this address
I'm the one who requested this | I was the one | It was I | Yes, I just did | I just registered | I just requested this
I just signed up | Just did it | Yes, I just added it. | Yes, I added this address myself | Yes it's correct | Yes all correct
Yes, works for me | fine with me, yes | yes ✅ | ✅ yes | Yes 🙏
"""
NO = """
いいえ、私ではありません | いいえ、違います。 | 違います | ちがう！ | 私ではありません | 私じゃありません。 | わたしじゃない | 僕ではないです | 自分ではないです | 身に覚えがないのですが… | 身におぼえのないメールです
全く覚えがございません | 心当たりがありません。 | 心当たりないです | こころあたりがございません | まったく心当たりがございませんので、削除をお願いいたします。 | 心当たりのないメールが届きました | このメールに心当たりはありません。
登録しておりません。 | 登録なんてしてません | 申し込んだ覚えがないです | ログインしてません | そのような操作はしておりません | 私は何もしていません。 | 何もしてないです | 存じ上げません。 | 知らないメールです
なんですかこれ？知りません | 誰ですか？私はこんなの頼んでいません | 頼んでません | リクエストしてないです | 取り消しをお願いします | とめて | 結構です。登録しないでください | 登録を解除してください | 不正ログインだと思います
不正ログインです。止めてください | 他人が使っています | 第三者によるものです | 誰かが勝手に登録しようとしています | 勝手に登録されました | 迷惑メールです | 人違いではないでしょうか。私は登録していません。 | 宛先が間違っています
アドレスを間違えていませんか。私は登録していません。 | 送り先を間違えておられます | お世話になっております。⏎⏎大変恐れ入りますが、本件につきまして全く心当たりがございません。⏎お手数ですが、ご対応のほどよろしくお願い申し上げます。
恐れ入りますが、私が行ったものではございません。 | 私が行った操作ではありません | わたくしどものものではございません | わしちゃうで | うちちゃうで | ちゃうちゃう | ちゃうわ | 知らんがな | 知らんで | 身に覚えあらへん
そんなんしてへんで | 登録してへん | いやや | いや、違います | いいえです | のー | 🙅 | ❌ | 👎 | いいえ(´・ω・｀) | 違います( ;∀;) | ちがいます(泣) | 心当たりないんだけど(-_-;) | こころ当たりがないです
心当りがない | 心当たりが無いです | 身に憶えがありません | 憶えがないです | みにおぼえがない | 私では無いです | 私のログインではありません | これは私のアカウントではありません | そのアカウントは私のものではありません
アカウントを持っていません | そちらの学生ではありません | 私は学生ではありません。誤って登録されたようです | はい、心当たりがありません | はい、私ではありません。 | ありがとうございます。ただ、私ではありません。 | コードを要求していません
コードを頼んでいません | 見覚えのないログインです | 見に覚えがありません | 知らない端末です | 知らない場所からのログインです | その時間は寝ていました。私ではありません | 昨日は大学に行っていません。別人です | ほかの人です
私以外の誰かです | すぐに止めてください！！！ | 至急停止お願いします | 登録を取り消したいです | 登録したくないです | nope | Nope, not me | Not me! | not me. | That wasn't me
this wasn't me | This was not me. | This was NOT me | It wasnt me | it was not me | That’s not me | This isn't me
No, this was not me | No, it was not me. | No that wasn't me. | I didn't do this | I didnt do this
I have not requested this code | I didn't ask for this | I did not ask for this | I never asked for this code | Did not ask for it
I didn't sign up for this | I did not sign up | I have never signed up | I did not register | I didn't register this address
I do not know about this | No idea what this is | I know nothing about it | I do not recognise this login | don't recognise it
unrecognized login | I'm not aware of this | I was not aware of that | I am not logging in | wasn't trying to log in
I was asleep, this was not me | Someone else did this | somebody else | Someone else is using my account
Someone is trying to log in as me | Someone has hacked my account | I've been hacked | hacked!
My account was hacked, please stop this | this is fraud | spam | Scam | Unauthorised access! | I did not authorize this
I didn't authorise this | not authorized by me | Stop | stop it | STOP THIS | Stop sending me these | Cancel this registration
Cancel it please | Please cancel this login | Deny | I deny | Reject | I decline | Block it | please block this | End it
Please end this login | Abort | Remove me | Don't register | Please do not add this address | Wrong person
You have the wrong person | You've got the wrong email address | Mistaken identity | This is not my account
I don't have an account | I don't have an account with you | I do not have an account there | I'm not a student there
I am not a member | This is not mine | That's not my address | I am not taro | Not from me | wasn't us | this is not from me
no, I do not want this | no thanks | No, thank you. | Hi,⏎⏎I'm afraid this wasn't me. Could you please look into it?⏎⏎Best,⏎Hanako
Dear all,⏎⏎I am writing to let you know that I did not initiate this request.⏎⏎Kind regards,⏎Ken Tanaka
I didn't initiate this request | Hello, I got this mail but I have not tried to log in today. Thanks. | I haven't tried to log in
I haven't tried to sign in | I did not try to sign in | Thank you for letting me know. It wasn't me. | Thanks, but that wasn't me
yes, this was not me | Yes, I did not do this | Not I | nto me | not em | ont me | no :( | No 😡 | non, not me | I don't approve
I do not approve this | Not confirmed | What is this? I never requested it. | Who is this? I didn't do that.
Why am I getting this? I didn't request anything. | This must be a mistake, I never asked for a code
It must have been someone else | must be someone else | This is a mistake | this is an error, not me
No knowledge of this request | I don't remember doing this | I do not recall requesting this | can't remember requesting this
はい、じゃない | これ私じゃないんですけど | わたしちゃいます | これ、うちと違います | うちやないで | わてやない | 俺ちゃうし | せえへんわ | やってへん | やってません！ | してないよ | 登録なんかしてないんですけど
ログインした記憶ない | ログインしてないです！！ | 全然知らない | 何も知らないです | 一切関知しておりません | 当方では関知しておりません | 弊学の者ではありません | 弊社には該当者がおりません | 該当者はおりません
そのような者はおりません | 山田という者はおりません | 私は山田ではありません | 山田さんではないです | アカウントなんて持ってません | 大学とは関係ありません | もう在籍していません | 母です。息子はやってないと言っています
このメールは間違って届いています | 別の人宛てだと思います | 宛名が違います | 宛先が異なります | 私宛ではありません | 私宛てのメールではないようです | 私とは別の方です | 同姓同名の別人です | メアド間違ってますよ
アドレスが間違っています | 誤配信だと思います | 誤登録です | 誤って登録されています | 登録を抹消してください | 登録情報を消してください | すぐに消してくれ | 止めて！ | とめてくれ | ログインを遮断してください | 遮断してください
凍結してください | セッションを切ってください | 今すぐログアウトさせて | 追い出してください | 締め出してください | 身に覚えございませんのでよろしくお願いします | みにおぼえがありません | 身に覚えが有りません | 身に覚え無し
身に覚えなし | 覚えなし | 心当たり無し | 心当たりございませんが？ | 心当たりがありませんが、これは何でしょうか？ | 知らないんですが、これは何ですか？ | これ知らないんだけど何？ | 覚えがないのですが、どうすればいいですか？
登録していないのですが、なぜ届いたのでしょうか | ログインしていないのにメールが来ました | 何もしていないのにコードが届きました | 私はログインしていないのに、コードが来ました。 | 今ログインしていません | いま家にいません。ログインしていないです。
ＮＯ | Ｎｏ． | ＮＯ！！ | のーさんきゅー | ノー。 | やだ | やです | やめれ | やめろや | あかん | あかんで | あきまへん | だめだめ | アウト | 登録されては困ります | 勝手なことをしないでください
触らないでください | 送ってこないで | 二度と送るな | 配信停止希望 | 配信停止をお願いします | メール不要 | 承諾していません | 同意していません | 許可していません | 承認していません | 承認した覚えはありません | 許可した覚えはない
本人ではない | 本人でない | 本人でありません | 本人以外です | 本人以外の操作です | 本人による操作ではありません | 私以外 | 私によるものではありません | 私のものではありません | 私の端末ではありません | その端末は持っていません
その端末は知りません | 京都には行っていません | その場所には行っていません | 海外にいません | Firefoxは使っていません | Windowsは持っていません | パソコンを使っていません | 不正利用です | ハッキングされた
ハックされました | アカウントを盗まれました | パスワードを盗まれたようです | 乗っ取られました | のっとられた | 詐欺メール | フィッシングメールですよね | あやしいメール | 変なメールが来た | いたずらはやめて
It weren't me | t'wasn't me | Ain't me | Not by me | Not my doing | Not done by me | That login isn't mine
The login was not mine | This login is not from me | I'm not logging in anywhere | I'm not trying to log in right now
I'm nowhere near Kyoto | I don't live there | I don't use Firefox | I don't own a Windows machine | I've never been to that place
I wasn't at my computer | I wasn't even online | haven't touched my computer today | I have not used my account since Monday
Somebody has my password! | someone stole my password | Someone got my password | Someone is in my account | There's an intruder
please lock my account | Lock it down | lock my account now | Kick them out | kick him out | Log them out | log everyone out
sign out all sessions | End the session | end that login | Kill the session | Shut it down | Do something, it's not me!
Who did this? Not me! | who the hell is this? I didn't do anything | wtf I didn't do that | WTF no | hell no | Heck no
no no no no | Nooooo | noooo!! | NOPE. | Nein | nah that's not me mate | not me mate | that ain't me mate | Not us.
We did not request this. | We have no such user | There is no such person here | no such person at this address
There is nobody called Taro here | Taro doesn't live here | I've never studied in Japan | I have never been a student of yours
I have no relation to this university | I don't belong to your university | I do not know any Taro | I don't know who Taro is
Please take my address off | take me off your list | Please erase my data | get rid of it | I want this removed
I would like this cancelled | I want to cancel | Can you cancel this please? | Could you please stop this? | Can you stop this?
Could you block this login? | would you mind removing my address? | how do I cancel this? | How can I stop this login?
this was done without my permission | Not with my consent | I didn't give permission | I never gave permission
I never gave consent | you're mistaken | You made a mistake | You must have mistyped the address | Somebody mistyped their address
typo in the address, I'm somebody else | misdirected | Misdelivered mail | This mail was misdirected | this reached me by accident
Sent to me by accident | reached the wrong inbox | this is not for me | not intended for me | not meant for me
I'm not the intended recipient | I am the wrong person | You want a different Hanako | different person with the same name
I refuse to confirm | I cannot approve this | can't approve | I cannot confirm that it was me | I can't confirm that this was me
Objection! | Disagree | Negative. | No go | no can do | No deal | Do not | Don't proceed please | please do not proceed
Do not let him in | don't allow | not allowed | Not permitted | permission denied | access denied | DENY DENY DENY | 👎👎 | 🚫 | 🛑
✋ stop | ❌❌❌ | 😡違います | ( ﾟдﾟ)シランガナ | (｀・ω・´)いいえ | ＼(^o^)／ちがいます | 違いますm(_ _)m | 心当たりがありません(；´∀｀) | （違います） | 【違います】 | →いいえ | ⇒違います
> いいえ(これは私の答えです) | ⇒ 心当たりがありません | ご連絡ありがとうございます。確認しましたが、こちらの登録には覚えがございません。取り消しをお願いできますでしょうか。
お世話になっております、佐藤です。先ほどのログイン通知の件ですが、私ではないようです。至急ご確認をお願いいたします。 | すみません、この通知に身に覚えがないのですが、どなたかがログインしたのでしょうか。
昨夜はパソコンを開いておりませんので、私のログインではないと思います。 | え、ログインしてないけど | は？してないんだけど | してないよー | してねーよ | ログインしてねえし | 俺ログインしてないっすよ | ワイじゃない | 拙者ではござらん
あたしじゃないわよ | ぼくじゃないよ | わたしじゃないもん | あの、私じゃないと思うんですけど… | たぶん私じゃないです | おそらく私ではありません | 私ではない可能性が高いです | 私の操作ではない気がします | 心当たりがまったく無くて怖いです
こわいです。知らないログインです | 怖い。誰かが入ってます | アカウントに誰か入ってきてます | 誰かにパスワードを知られたみたいです | パスワードが漏れたようです | パスワード漏洩かも。止めて | 情報漏洩です。停止を | これは何かの間違いでは？
何かの間違いだと思います | 手違いでは？ | 手違いだと思います | こちらの大学とは一切関わりがございません | そちらの大学に通っておりません | 貴学とは関係がございません | 貴学の学生ではございません | 私は貴大学に在籍しておりません
在籍していません | うちの子はそんなことしていません | 無効にしてくれ | このログインを無効にしてください | ログインをキャンセルしたい | 登録をキャンセルしたいのですが | 登録を取り消したいのですが、どうすればいいですか
登録を止めたいのですが | この登録、なかったことにしてください | なかったことにして | 登録を無かったことにしたい | 白紙に戻してください | 登録を戻してください | 元に戻してください | 解約したい | 拒否で | 拒否でお願いします
いいえでお願いします | いいえとお答えします | 答えはいいえです | 回答：いいえ | 返信：違います | 答え: 心当たりがない | A: no | Answer: no | My answer is no | It's a no from me
no from me | That's a no. | Not guilty | I deny having requested this | I dispute this | This request didn't come from me
this did not come from me | It didn't come from me | This login attempt did not originate from me | did not originate with me
That's someone impersonating me | Someone pretending to be me | somebody is pretending to be me | an imposter | I was not the one
I'm not the one who did this | wasn't the one logging in | It couldn't have been me, I was in class | can't be me
That cannot have been me | Not my login | Not my device | that's not my device | That is not my IP address
I don't recognise this device | I don't recognize that location | unknown device | Unknown login | strange login
weird login, not mine | I'm abroad, so this isn't me | It is not I who logged in | Neither I nor my wife did this
I had nothing to do with that | I've nothing to do with it | hadn't logged in | I did no such thing | I did nothing
I've done nothing | I did nothing of the sort | No such request was made by me | No request was made by me
I made no such request | I made no request | I requested nothing | I ordered nothing | nothing was requested by me
Nobody asked for this | No one asked for this | No one requested this | who asked for this? not me | please undo
undo this please | Please reverse this | reverse it | roll it back | take it back | please take it back | please void
Please invalidate this code | Kill it | Nuke it | disable this login | please disable my account for now | please deactivate
deactivate this | freeze my account | Please freeze | Please suspend my account | do not trust this login | don't trust it
Don't let this go through | Don't accept it | not this time | Not today, hacker | Hackers! | hijacked
my account has been hijacked | account takeover | breach | security breach | my account has been breached | I've been pwned
Identity theft! | Report: not me | reporting a fraudulent login
うちがやったんちゃう | My answer is not yes | it's not a yes | 承りかねます
"""
NEITHER = """
これは何ですか？ | これはなんですか | このメールは本物ですか？ | どうしたらよいでしょうか | 登録するにはどうしたらいいですか？ | コードを入力してもエラーになります | ログインできないのですが | 画面が開きません | URLが開けません
リンクがクリックできません | パスワードがわかりません | いつまで有効ですか？ | 有効期限はいつまでですか | 再送お願いします | コードを再送してください | ありがとうございました。 | ありがとう！ | お聞きしたいことがあります。
はいと返信すればいいですか？ | 「はい」と返信すればよいのでしょうか | はいって送ればいいの？ | 登録してもいいですか？ | これって登録した方がいいですか？ | 後ほど確認いたします。 | 少々お待ちください | 考えます | よくわかりません
どういう意味ですか | 何のことでしょうか | 何の登録ですか？ | スマホを変えました | 電話番号を教えてください | 担当者に転送します | 山田さんに確認します | 窓口はどこですか | １２３４５６ | コードは 123456 です | ???
👀 | 😀 | (笑) | てすと | 確認できませんでした | はいかいいえか分かりません | 英語で送ってください | メールアドレスを変更したいのですが | 別のアドレスで登録したいのですが | 登録したいのですができません
ログインできなくて困っています | 添付を見てください | 転送します | FYI | ご確認ください | 山田さん、これはあなたですか？ | 太郎くん、これ届いたけど登録した？ | これ、はいでいいんですかね | え？はい？ | はい、なんでしょうか？
はい、これは何ですか？ | what is this | Is this legit? | Is this mail genuine? | How do I use this? | How do I register? | How can I log in?
I can't login | The code does not work | The code doesn't work | the code is not accepted | My code didn't work
I didn't receive the code | I did not get a code | I have not received the code yet | I can't open the link
The link does not work | The link doesn't open | I forgot my password | I don't know my password | How long is this valid?
Has this expired? | It expired | Please send it again | Could you resend the code? | Thank you! | thx | Many thanks | Hello | Hi
Test | test mail | fwd | see below | Should I say yes? | Should I answer yes? | Do I have to reply yes? | Do I just reply "yes"?
Shall I answer with yes or no? | yes or no? | yes? | OK? | Is it ok to say yes? | I'll get back to you | Let me think
Let me check with my colleague | not sure if this was me | perhaps | I think so? | was it me? | who is asking?
Why did I get this? | Where do I enter the code? | Which page? | What happens if I say yes? | What happens if I say no? | 123 456
The code is 123456 | 123456 is my code | help me please | info | settings | ? | . | lol | Can somebody call me?
My phone is broken | I have a new phone | I need to change my address | I want to use another address | I am on it
It does not load | page not found | I get an error | nothing happens | Nothing arrived | wrong password | it says wrong code
My password is wrong | invalid code | Ken, did you request this? | Hi Taro, was this you? | Please confirm whether this was you
Please confirm if it was really you | Can you confirm this? | Could you please confirm? | 確認してください | ご確認願います | 確認お願いします
ご確認をお願いいたします | ご確認のほどよろしくお願いいたします。 | 内容をご確認ください | 至急ご確認ください | ご対応お願いします | 至急ご対応をお願いします | お世話になっております。ご確認のほどよろしくお願いいたします。
田中さん⏎⏎確認お願いします | 山田です。⏎確認をお願いします。 | 転送します。ご確認ください。 | ご返信お願いします | ご連絡お願いします | ご教示お願いします | ご回答お願いします | yes/no | Yes / No | Y/N
yes or no | はい/いいえ | はい・いいえ | はい or いいえ | 「はい」か「いいえ」 | OK/NG | Is that right? | Right? | That was me? | It was me? | was that me
Yes but how | yes, what is this | Yes, I got the mail, what now? | this is me asking what this is | I will confirm later
Will confirm tomorrow | I want to add another address | Yes, I want to know more | I accept no responsibility | yes, I'll check
ok so what do I do now | 登録しました？ | 登録したっけ | 登録済みですか | 登録できましたか | 登録されましたか | 登録してよいですか | はいじゃないが | はい、終了 | yeah no | sure, whatever
Sure about this? | ok, I'll look into it | 確認しておきます | 後で確認します | 本人に確認します | 本人に確認してください | 確認中 | 承認待ちです | 登録待ちです | 登録まだです | 本人ですか
本人でしょうか？ | 私かも | たぶん私です | たぶんはい | おそらく本人です | 多分大丈夫です | はい、たぶん | Probably yes | maybe yes | I think yes | I guess it was me
it might have been me | perhaps it was me | Yes I think so but not sure | 登録するにはどうすれば | 登録のやり方を教えてください | 登録を変更してください
登録情報を教えてください | 登録名を変えたい | 登録は来週にしてください | 来週登録します | 承認はまだです | 承認は先生に聞いてください | 同意書を送ります | 了解（山田）さんに伝えます | OKをもらったら連絡します
OKかどうか確認します | はいと書けばいいの | はいと答えたらどうなりますか | 「はい」とだけ書いて返信してください。 | answer yes | Just answer yes. | reply with yes
Please answer "yes". | or answer this mail with the one word "yes". | Should be ok | It should be fine
I would say yes but I am not sure | Are you sure | Confirm your identity first | Confirm who you are | Please confirm who you are
please confirm you are real | Please confirm that this mail is genuine | Please verify that you are the university
Please approve my leave | register me for the course | please register me for the exam | Please add me to the list | add my friend
Please continue sending reports | please proceed to checkout | わたし、登録しましたか | 私が登録したのでしょうか | これ登録したほうがいい | 登録しました、と言われましたが
登録しろと言われた | 先生に登録しろと言われました | 友達が登録してくれました | 母が登録しました | 息子が登録したようです | 息子が登録しました | my son did | My wife registered
my husband requested this | my colleague did it | a friend of mine requested it | the secretary registered | it was Ken
It was my brother | コードが違うと言われます | コードが違いますと出ます | パスワードが違うと出る | 番号が間違っていますと表示されます | コードが間違っているようです | コードが違うみたいです | コードが無効と出ます
コードが無効になっています | アカウントが停止されています | ログインが拒否されました | アクセスが拒否されました | ログインがブロックされました | メールがブロックされています | 画面が止まりました | 画面が止まってしまいます
処理が中断されました | 誤って削除しました | 間違えて削除してしまいました | 間違って押しました | キャンセルを押してしまいました | 間違えて閉じてしまいました | うっかりメールを削除しました | アカウントがロックされてしまいました
my login was rejected | the code was rejected | The code is refused | my account is blocked | the page stopped working
It stopped working | I was denied access | I closed the page by mistake | I deleted the mail by mistake
I pressed cancel by mistake | the server refused the connection | my session was terminated | the site is blocked here
my code got blocked | I accidentally closed the window | it says the code is invalid | Login was declined | コードの入力を間違えました
パスワードを間違えて入力しました | ログインのやり方が分かりません | 手続きのやり方 | 大変です、コードが届きません | たいへん助かりました | ログインしたけどたいへんでした | 私以外に見られますか | アカウントがロックされました
ログインから締め出されました | アカウントが凍結されました | I deleted the code by accident | Someone from the help desk told me
Can someone reset my password? | how do I sign out? | I was locked out | I am locked out | please unlock my account
I mistyped the code | I mistyped my password | パスワードを間違えました | コードを打ち間違えました | 入力を間違えました | 端末を変えました | いま変更したいのですが | 自分で変えたいです
やだもう、コードが届かない | 登録が完了したか知りたい | it says ❌ on the page | 入力すると ❌ が出ます | Wi-Fi に接続が切れました | 接続が切れました | セッションが切れました | コードが届かないと困ります
そのような画面はありません | その画面に該当するボタンがありません | 該当のページがない | should I answer no or yes? | Do I have to say no?
I want the old address removed and the new one added? | removing the old phone, how? | アドレスを間違えました | コードが消えちゃいました | コードを消しちゃいました
忘れちゃいました | どれをおせばいいかわからへん | コードがこうへん | 届いてへん | まだ来てへん | 開けへん | 入れへん
登録の確認をお願いします | 登録内容の確認をお願いします | 頼みます、電話ください
"""


def written(table: str) -> list[str]:
    """Cut a table into answers."""
    return [one.replace("⏎", "\n") for one in cells(table)]


def test_consent_in_a_persons_own_words_is_a_yes() -> None:
    """A dialect, a face, an introduction in the same line, the writer's name below."""
    assert [said for said in written(YES) if command_of(said, WRITER) != Confirm()] == []


def test_a_denial_in_a_persons_own_words_is_a_no() -> None:
    """A dialect, a gesture, a typing error, and what only follows from the words."""
    assert [said for said in written(NO) if command_of(said, WRITER) != Refuse()] == []


def test_a_question_a_complaint_or_a_request_to_another_person_is_neither() -> None:
    """Who asks for a look, names the choice, or tells what a page said neither consents nor denies."""
    assert [said for said in written(NEITHER) if command_of(said, WRITER) is not None] == []


@pytest.mark.parametrize(
    ("sender", "text"),
    [
        ("Taro Yamada <ty@mail.test>", "Yes\n\nTaro"),
        ("=?utf-8?B?5bGx55Sw5aSq6YOO?= <taro.yamada@mail.test>", "Yes, please.\nT. Yamada"),
        ('"Sato, Hanako" <h@mail.test>', "ok\n\n-Hanako"),
        ("ken@mail.test", "Hello team, yes, this is my address. Cheers, Ken"),
        ("Ken Sato <k@mail.test>", "Yes, Ken here"),
    ],
)
def test_the_writers_name_beside_a_yes_says_nothing(sender: str, text: str) -> None:
    """The name is known from the header; another name may be another person's, so it brings a help letter."""
    parsed = mail(text, sender=sender)
    assert command_of(parsed.text, parsed.writer) == Confirm()
    stranger = mail(text, sender="Jo <jo@mail.test>")
    assert command_of(stranger.text, stranger.writer) is None


@pytest.mark.parametrize("sender", ["Not Me <a@mail.test>", "But Later <no@mail.test>"])
def test_a_name_of_words_that_say_something_hides_none(sender: str) -> None:
    """A denial and a condition count, whatever the writer calls themselves."""
    parsed = mail("Yes, but later", sender=sender)
    assert command_of(parsed.text, parsed.writer) is None
    denied = mail("yes, not me", sender=sender)
    assert command_of(denied.text, denied.writer) == Refuse()


@pytest.mark.parametrize(
    ("header", "proof"),
    [
        ({"Precedence": "auto_reply"}, "Precedence: auto_reply"),
        ({"X_Precedence": "auto_reply"}, "X-Precedence: auto_reply"),
        ({"X_Mail_Autoreply": "yes"}, "X-Mail-Autoreply"),
        ({"Delivered_To": "Autoresponder"}, "Delivered-To: an autoresponder"),
    ],
)
def test_what_only_an_answering_program_writes_proves_one(header: dict[str, str], proof: str) -> None:
    """Such mail is never answered."""
    assert mail("Thank you. We will answer.", **header).machine == proof


@pytest.mark.parametrize("subject", ["自动回复: 确认", "자동 회신: 확인", "Respuesta automática: x", "Автоответ: x"])
def test_an_automatic_subject_in_another_language_makes_doubt(subject: str) -> None:
    """A yes in it is not obeyed."""
    assert mail(subject=subject).doubt == "Subject: of an automatic answer"


COURTESIES = """
Thanks | Thanks! | Thank you | Thank you! | Thank you very much. | Many thanks | thx | ty | Cheers | Thanks a lot! | Thank you so much for your help!
Great, thanks! | Perfect, thank you. | Got it, thanks | Noted with thanks. | Thanks again | Thanks for the quick reply | Much appreciated | I appreciate it.
Hello,⏎⏎thank you very much.⏎⏎Best regards,⏎Taro Yamada | Thanks⏎Taro | Great! | Awesome | It works now, thank you | That worked. Thanks! | 🙏 | 👍
ありがとう | ありがとうございます | ありがとうございました | ありがとうございました。 | ありがとうございました！ | 有難うございました | どうもありがとうございました。 | 登録ありがとうございます。
ご対応ありがとうございました。 | 迅速なご対応、ありがとうございました。 | 助かりました | 助かりました。ありがとうございます。
お世話になっております。⏎山田です。⏎⏎ありがとうございました。⏎⏎山田太郎 | お疲れ様です。ありがとうございます。 | 感謝します | サンキュー | ありがとう！！ | ありがとうございます🙏 | ありがとうございました（＾＾）
お世話になりました | 受け取りました。ありがとうございます。 | おおきに
"""
NO_COURTESIES = """
Thanks, but that was not me | Thank you. How do I log in? | Thanks, please remove my other address too | Thanks. The code does not work. | Hello | Help | list
ありがとうございます。でも心当たりがありません。 | ありがとうございます。ところで、コードが届きません。 | ありがとうございました。パスワードも変更してください。 | ありがとうございますか？ | こんにちは | ? | 😱
Thank you for nothing, stop it | どうもおかしいです | 了解できません | Thanks for registering somebody else
"""


@pytest.mark.parametrize("text", cells(COURTESIES))
def test_thanks_are_a_courtesy(text: str) -> None:
    """They ask for nothing, whatever stands around them by custom."""
    own = text.replace("⏎", "\n")
    assert is_courtesy(own, WRITER)
    assert not isinstance(command_of(own, WRITER), Refuse)


@pytest.mark.parametrize("text", cells(NO_COURTESIES))
def test_thanks_with_a_denial_a_question_or_a_wish_are_no_courtesy(text: str) -> None:
    """What else is said counts."""
    assert not is_courtesy(text, WRITER)
