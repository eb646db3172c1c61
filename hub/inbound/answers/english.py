"""The words of English answers, as patterns for `Folded.english`: small letters, `not` written out, no apostrophes."""

import re
from typing import Final


def _pattern(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{one})\b" for one in alternatives))


def _phrases(*alternatives: str) -> tuple[re.Pattern[str], ...]:
    """Compile phrases each by itself, so that the longest that fits can be taken."""
    return tuple(re.compile(rf"\b(?:{one})\b") for one in alternatives)


_ACT = (
    r"(?:ask\w*|request\w*|register\w*|sign\w*|appl(?:y|ied|ying)|add\w*|order\w*|want\w*|wish\w*|need\w*|authori[sz]\w*|approv\w*|"
    r"accept\w*|agree\w*|consent\w*|confirm\w*|recogni[sz]\w*|initiat\w*|mak(?:e|ing)|made|do|done|doing|start\w*|try|tried|trying|send|sent|"
    r"submit\w*|creat\w*|use|used|using|attempt\w*|allow\w*|permit\w*|expect\w*|enter\w*|subscri\w*|trigger\w*|set|perform\w*|"
    r"intend\w*|acknowledg\w*|proceed\w*|continu\w*|let|activat\w*|enabl\w*|go|complet\w*|process\w*|log(?:ged|ging)?|login|"
    r"contact\w*|bother\w*|like|care|give|gave|given|own|have|belong\w*|enrol\w*|join\w*|call\w*|open an|issue\w*|sanction\w*|"
    r"endorse\w*|order\w*|solicit\w*|invite\w*|choose|chose|support\w*|install\w*|plan\w*|mean|meant|validat\w*|verif\w*|grant\w*|tak(?:e|ing)|took|access\w*)"
)
_MANY = r"(?:\w+ ){0,2}"
_MINE = r"(?:me|mine|my|myself|i|us|ours|our|him|her|by me|from me|mines|for me|done by|his|hers|theirs)"
_OF_THE_MAIL = r"(?:code|link|url|password|page|site|button|browser|app|mail|message|screen)"

# These look negative and deny nothing; they are taken out before a denial is looked for.
HARMLESS: Final = _pattern(
    r"(?:if|when|should|do|can|must|shall) (?:i|we|you) (?:have to |need to )?(?:say|answer|reply|write|press|choose|type) (?:with |by )?no",
    r"no (?:worries|problems?|doubts?|objections?|issues?|trouble|questions?|rush|hurry|need to worry|matter|biggie|mistake|further questions?)",
    r"(?:do not (?:worry|mind|hesitate)|never (?:worry|hesitate))",
    r"not (?:a|an) (?:problem|issue|mistake|error)",
    r"why not",
    r"not only",
    r"(?:do|does|please|did|should|would|must) not (?:please )?(?:cancel|stop|refuse|reject|decline|deny|block|remove|delete|abort|revoke|lock|end)\w*",
    r"never (?:cancel|stop|refuse|reject|decline|deny|block)\w*",
    r"if (?:i|it|this|that|you|we) (?:\w+ )?(?:did|was|is|were|do|are|have) not(?: \w+){0,3}",
    r"do not (?:reply|respond|answer)(?: \w+){0,4}",
    r"non stop",
    r"nothing wrong",
    r"not wrong",
    r"not incorrect",
    r"can not wait",
    r"nobody else",
    r"no one else",
    rf"{_OF_THE_MAIL} (?:is|was|has|does|did|do|can|could|will|are) not(?! (?:me|mine|my|for|from|by|request|ask|order|want|authori|need|intend|meant)\w*)(?: \w+){{0,2}}",
    r"(?:can|could) not (?:open|see|find|read|click|access|enter|use|log|login|reach|get|load|type|copy|receive|remember my|confirm(?! (?:that )?(?:it|this|that) (?:was|is) (?:me|mine))|register|verify|sign|send|do|make|go|complete|proceed)(?: \w+){0,3}",
    r"(?:do|did|does|can|could|am|have) not (?:know|remember|understand|recall) (?:how|where|when|if|whether|my password|which|what to)(?: \w+){0,3}",
    r"not (?:sure|certain|able|clear|yet)(?: \w+){0,2}",
    r"stop by",
    r"(?:or|and) not$",
    # What a page said, or what the writer pressed: trouble with a login that is the writer's own.
    r"(?:code|login|log in|password|page|site|browser|app|link|server|connection|session|account|access|mail|attempt|screen|phone|i)"
    r"(?: \w+)? (?:is|am|was|were|been|got|gets|being|keeps(?: being| getting)?|has been)(?: \w+)? (?:cancel\w*|refused|rejected|declined|denied|aborted|terminated|blocked|stopped|invalid\w*)",
    r"(?:server|site|page|system|portal|browser) (?:\w+ )?(?:refus|reject|den[iy]|block|declin|cancel|abort)\w*",
    r"(?:stop|stops|stopped|quit) (?:working|responding|loading|moving)",
    r"i (?:\w+ )?(?:closed|deleted|removed|pressed|clicked|lost|typed|opened|pushed|tapped|threw away|cancell?ed|dismissed|discarded) (?:\w+ ){0,5}(?:by (?:a )?mistake|by accident|accidentally)",
    r"i (?:accidentally|mistakenly) (?:closed|deleted|removed|pressed|clicked|lost|typed|opened|pushed|tapped|cancell?ed|dismissed|discarded)",
)

DENIALS: Final = _pattern(
    # Not me.
    rf"not (?:really |actually |even |definitely |certainly |truly )?{_MINE}",
    r"not (?:\w+ )?(?:by|from|for) (?:me|us)",
    r"not the (?:person|one|owner|user|right|correct|account|holder|same|intended|addressee|recipient)\w*",
    r"i am not (?!sure|able|certain|in\b|at\b|available|here|receiving|getting|seeing|worried|clear|against|opposed)",
    r"we are not (?!sure|able|certain)",
    r"(?:this|that|it|these|those) (?:is|was|were|are|has|have) not (?!clear|working|work|urgent|sure|shown|visible|possible|readable|received|arrived|been (?:received|shown|delivered)|a problem|an issue)",
    r"never (?!mind|worry|hesitate|mentioned|received|got|arrived|came|saw|seen|been|ending)\w+",
    r"never ever",
    # Not done, not wanted.
    rf"(?:not|never|nor|neither) {_MANY}{_ACT}",
    r"not (?:know|recall|remember) (?:this|that|it|what|who|anything|about|any|him|her|them|you|anyone|asking|request\w*|register\w*|doing|having|making|sign\w*|apply\w*|adding|such|of|the person|these|those|why)(?: \w+)?",
    r"(?:(?:i|we) )?(?:do|did|have|can|could) not (?:know|recall|remember|recogni[sz]e|identify)(?= \||$| please| thank)",
    r"(?:i|we) (?:did|do|have|would|will|was|am|shall) not(?= \||$)",
    r"(?:it|this|that) (?:was|is|were) not(?= \||$)",
    r"(?:please )?(?:do|did) not(?= \||$)",
    r"but no (?:thanks?|thank you|thx)",
    r"not (?:authori[sz]ed|approved|accepted|asked|wanted|correct|right|true|valid|legit\w*|interested|intended|agreed|ok|okay|acceptable|needed|required|necessary|genuine|familiar|aware|requested|happening|allowed|permitted|welcome)",
    r"not think (?:so|it was|that was|this was|i did|i asked|i requested|i have)",
    r"(?:rather|prefer|better|certainly|absolutely|definitely|of course|surely|obviously|think|guess|hope|probably|please|most|afraid) not(?! to (?:worry|miss))",
    r"not (?:at all|really|in the least|a chance|in a million)",
    r"(?:can|could) not (?:recogni[sz]e|agree|accept|approve|consent|recall|allow|permit|be me|have been me|authori[sz]e)\w*",
    r"(?:have|has|had|got|with) no (?:idea (?:what|who|why|about|of)|knowledge|memory|memories|recollection|record|account|intention|interest|clue (?:what|who|why|about)|such|relation|connection|association)",
    r"no (?:idea (?:what|who|why)|knowledge|recollection|memory of|such (?:request|person|user|account|registration|thing)|interest|consent|permission|authori[sz]ation|way|chance|longer (?:want\w*|need\w*|interested))",
    r"(?:say|said|answer is|its a|is a|it is a|sorry|but|please|am afraid|big|hell|oh|so|absolutely|definitely|certainly|of course|god|heck|well|still|wtf) no(?= \||$)",
    r"without my (?:\w+ )?(?:consent|knowledge|permission|authori[sz]ation|approval|request)",
    r"nothing to do with (?:me|us|this|it|that)",
    r"(?:did|done|requested|asked for|ordered|made|registered|started|initiated) (?:nothing(?! but| happen)|no (?:\w+ )?(?:request|registration|login|such thing|attempt)s?)",
    r"nothing (?:was|has been) (?:requested|ordered|done|registered|asked)|nothing of the sort|no (?:\w+ )?(?:request|registration|login|attempt) (?:was|has been|came) (?:made |done |sent |from )?(?:by |from )?me",
    r"neither (?:i|me|of us)|not guilty|not originate|not trust|not this time",
    r"no from me|not (?:a )?yes",
    r"know nothing",
    r"(?:none|neither) of (?:this|these|that|my|it)",
    r"(?:nobody|no one|noone) (?:here|in|of|at|from|asked|requested|called|named|by that name)\w*",
    r"can not confirm (?:that )?(?:it|this|that) (?:was|is) (?:me|mine)",
    r"(?:do|does|did) not (?:live|work|study) (?:here|there|in|at)",
    r"never been (?:a (?:student|member|user)|your|there|to (?:that|this)|registered|enrolled)",
    r"was not (?:even )?(?:at my (?:computer|desk|pc|laptop)|online|there|awake)",
    r"not touched? my|nowhere near",
    r"(?:unaware|unfamiliar|unrecogni[sz]ed|unauthori[sz]ed|unknown|unwanted|unrequested|unsolicited|unexpected)",
    # Stop it.
    r"(?:cancel\w*|stop(?:ped|s|ping)?|refus(?:e|ed|es|ing|al)|reject\w*|declin(?:e|ed|es|ing)|den(?:y|ied|ies|ying|ial)|abort\w*|"
    r"revok(?:e|ed|es|ing)|terminat(?:e|ed|ing)|withdraw\w*|withdrew|undo|halt|cease|quit|forbid|prohibit\w*|disallow\w*|disapprov\w*|disagree\w*|"
    r"disown\w*|disavow\w*|disput(?:e|ed|ing)|object to|i object|oppos(?:e|ed)|veto|nullify|void|annul|discard|block(?:ed|ing)?|dismiss)",
    r"(?:end|lock|freeze|suspend|disable|deactivate|invalidate|close|kill|drop|forget|ignore|scrap) (?:it|this|that|the|my|these|all|him|her|them)",
    r"(?:remove|delete|erase|take off|purge|unregister|deregister|de register) (?:me|us|it|this|that|(?:my|the) (?:\w+ )?(?:address|mail|account|registration|contact|request|data|entry|login|session))",
    r"(?:remov|delet|eras)ing (?:me|my|this|it)\b",
    r"(?:take|keep|leave) (?:me|my (?:\w+ )?(?:address|name)) (?:off|out|alone)",
    r"get rid of (?:it|this|that|my|the)",
    r"(?:want|like) (?:this|it|that|me|my \w+) (?:to be )?(?:removed|deleted|gone|erased|ended)",
    r"(?:kick|log|throw|sign|lock|shut) (?:him|her|them|everyone|everybody|all)(?: \w+)? out",
    r"(?:log|sign) out (?:of )?(?:all|every|everyone|everybody|the other)\w*",
    r"shut (?:it|this|that|them) (?:down|off)",
    r"opt(?:ing)? out",
    # Another person, a mistake, a fraud.
    r"(?:wrong|incorrect|mistaken) (?:person|address|recipient|mail|mailbox|account|user|guy|man|woman|number|one|human|party|people|name|individual|inbox|taro|yamada|contact|addressee)",
    r"(?:by|a|some|an?|your|the) mistake",
    r"mistaken",
    r"mistyped (?:the|their|your|his|her|an|this)(?: \w+)? (?:address|mail)",
    r"(?:misdirected|misdelivered|misaddressed|missent)",
    r"(?:sent|reached|came|arrived|delivered|went)(?: \w+){0,3} (?:by accident|accidentally)",
    r"you (?:want|need|mean|are looking for) (?:a |an )?(?:different|another|someone|somebody)",
    r"(?<!can )(?<!could )(?<!would )(?<!will )some(?:body|one) (?:has|have|got|stole|knows|took|is in|is using|uses|used|broke into|entered|changed|accessed|guessed|logged in ?to|signed in ?to) (?:\w+ )?my",
    r"in error",
    r"(?:some(?:body|one)|any(?:body|one)) (?:else|is using|used|has used|is trying|tried)",
    r"(?:other|another|different|strange|unknown) (?:person|man|woman|user|guy|people|human|party)",
    r"(?:a stranger|impost[eo]r|impersonat\w*|hack\w*|phish\w*|scam\w*|fraud\w*|spam\w*|suspicious|identity theft|stolen|compromised|malicious|illegal|intruder|attacker|thief|hijack\w*|takeover|breach\w*|pwned)",
    r"(?:pretend\w*|claim\w*) to be me|posing as me|(?:strange|weird|odd|foreign) (?:login|log in|sign in|device|request|registration|attempt)",
    r"(?:reverse|undo|nuke) (?:it|this|that)|(?:roll|take|turn) (?:it|this|that) back",
    r"(?:please |kindly )(?:freeze|deactivate|disable|lock|suspend|invalidate)",
    r"leave me alone",
    r"go away",
    r"get lost",
)
# A part of a sentence that is a denial only when it stands alone.
DENYING_WHOLES: Final = re.compile(
    r"(?:please )?(?:n|nah|nay|nope|noo+|non|nein|nej|negative|never|wrong|false|incorrect|untrue|fake|bogus|unsubscribe(?: me)?|nope not me|no no.*|not me.*|mistake|forget it|error)(?: (?:please|thanks|thank you|sir|madam|sorry))?"
    r"|(?:that|this|it) is (?:wrong|false|incorrect|untrue|fake|bogus|a (?:lie|fake|mistake|joke)|an error)"
    r"|never mind|nevermind|objection"
    # As fingers in a hurry type it.
    r"|(?:nto|ont|n ot|no t|nit) me|not em|no tme|notme"
)
# "No" at the start of a part of a sentence, where it is no part of "no code arrived".
DENYING_STARTS: Final = re.compile(
    r"(?:no|nope|nah|nay)(?=$| (?:no|nope|need|i|it|it|this|that|we|they|not|never|sorry|thanks?|thank|thx|ty|way|please|sir|madam|wait|because|as|to|for|stop|cancel|dont|do|"
    r"not|mine|deny|decline|refuse|reject|wrong|absolutely|definitely|certainly|really|he|she|my|someone|somebody|kindly|and|is|taro|dear|tegata|good|one here|go|was|am|nothing|that|can do|deal)\b)"
)

_THING = r"(?:\w+ )?(?:registration|address|request|mail|contact|login|account)"
_IT = rf"(?: (?:(?:with )?(?:the|my|this|that) {_THING}(?: (?:of|for) (?:the|my|this|that) {_THING})?|it|this|that|these|everything|all))?"
_SURELY = r"(?:(?:indeed|really|definitely|surely|certainly|absolutely|hereby|do|can|will|would like to|want to|wish to|am happy to|am|have|did|gladly|now) )*"
_BY_ME = r"(?: (?:by me|myself|for me|now|please))*"
AFFIRMATIONS: Final = _phrases(
    r"(?:yes+|yeah|yea|yep|yup|yess|yee|aye|ya|yas|ye|affirmative|y)",
    r"(?:ok|okay|okey|okie|okeydoke|oki|k|oke|o k|okdoke|alright|all right)",
    r"(?:surely|certainly|definitely|absolutely|of course|by all means|gladly|with pleasure|for sure|sure(?: thing)?|agreed|indeed|exactly|right|true|correct|roger|acknowledged)",
    rf"(?:i )?{_SURELY}(?:please )?(?:re)?confirm(?:ed|ing|s)?{_IT}{_BY_ME}",
    rf"(?:i )?{_SURELY}(?:please )?(?:approv(?:e|ed|ing)|accept(?:ed|ing)?|agree(?:d)?|consent(?:ed)?|verif(?:y|ied)|authori[sz]e(?:d)?|acknowledge(?:d)?|allow(?:ed)?|permit(?:ted)?)(?: to)?{_IT}{_BY_ME}",
    rf"(?:please |kindly |go ahead and |you (?:may|can) )+(?:register|add|proceed|continue|do(?: so)?|go ahead|activate|enable|complete|use|process|enrol|enroll|sign me up|confirm|approve|accept)(?: me)?{_IT}{_BY_ME}",
    rf"(?:register|add|proceed(?: with)?|go ahead|continue|activate){_IT} please",
    r"(?:please )?(?:go ahead|proceed)(?: with it| with this| with the registration)?",
    r"i (?:did|do|have|will|am|was|would)(?: (?:indeed|so|do this|did this|do it))?",
    rf"i (?:really |indeed |did |have |just )*(?:asked for|requested|request|registered|register|added|add|made|did|want|wanted|would like|initiated|submitted|applied for|made){_IT}(?: myself)?",
    r"i want (?:it|this)",
    rf"(?:register|add|activate|confirm) (?:it|this|that|me|(?:this|my|the) {_THING})",
    rf"i (?:would like|want|wish|am happy) to (?:register|add|use|proceed|continue|go ahead){_IT}",
    rf"i (?:have |just |am )*(?:signed up|signed in|registering|adding|requesting){_IT}(?: now| just now)?",
    r"(?:i )?just did(?: (?:it|this|that|so))?",
    r"i (?:am|was) the one(?: who (?:did|requested|asked for|registered|added|made)(?: this| it| that)?)?",
    rf"i (?:am|was) the owner(?: of (?:this|the|my) (?:{_THING}|mailbox|inbox))?",
    rf"i own (?:it|this|(?:this|the) (?:{_THING}|mailbox|inbox))",
    rf"(?:this|the) (?:{_THING}|mailbox|inbox) is mine",
    r"(?:my|the|our) (?:answer|reply|response)(?: is)?(?: a)? yes",
    r"(?:it|that|this) is a yes|yes from me",
    r"(?:it|this|that)(?: (?:is|was|were))? (?:indeed |really |definitely |certainly |all |absolutely )*(?:me|mine|i|my (?:own )?(?:\w+ )?(?:address|mailbox|inbox|mail|account|request|registration|login|contact)|correct|right|ok|okay|fine|true|good|confirmed|from me|by me|done by me|requested by me)",
    r"(?:was|is|its|indeed|just) me",
    r"(?:it|this|that) (?:is|was)",
    r"me",
    r"(?:my|mine)(?: (?:own )?(?:\w+ )?(?:address|mail))",
)
_THE_ALONE = {
    "right",
    "true",
    "me",
    "k",
    "ye",
    "ya",
    "indeed",
    "exactly",
    "roger",
    "acknowledged",
    "all right",
    "alright",
    "i am",
    "i will",
    "i was",
    "i have",
    "i would",
    "it is",
    "it was",
    "this is",
    "this was",
    "that is",
    "that was",
}
# What affirms only beside another word of consent.
WEAK: Final = frozenset(_THE_ALONE)
POLITENESS: Final = _phrases(
    r"(?:please|pls|plz|kindly)",
    r"(?:many |much )?(?:thanks|thank you|thank u|thx|tnx|ty|cheers|thankyou)(?: (?:so|very) much| a lot| again| in advance| kindly| indeed)?(?: for (?:the|your|this|that|all) (?:\w+ )?(?:mail|message|help|support|work|reminder|notice|information|info|time|assistance|service|contact|reply|letter|note|attention|cooperation|registration))?",
    r"(?:(?:with )?(?:kind|best|warm|kindest|warmest|many|my best)? ?regards|sincerely(?: yours)?|yours (?:sincerely|faithfully|truly)|respectfully|best(?: wishes)?|cordially)",
    r"(?:sir|madam|team|all|everyone|there|folks|tegata|admin)",
    r"(?:have a (?:nice|good|great|lovely) (?:day|one|weekend|evening))",
    r"(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening|day)|dear)",
    r"(?:fine|good|great|perfect|nice|cool|excellent|wonderful|all good|looks good|sounds good|done|no problem|no worries|no objections?|no issues?|received|got it|appreciated|much appreciated|and|with me|that is all|works(?: for me)?|by me|here|from me|lgtm|all)",
    r"i (?:know|am aware)(?: (?:about|of) (?:it|this|that))?",
    r"(?:dr|mr|mrs|ms|prof|professor|phd|msc|bsc)",
)
# What people say when a thing is done; it asks for nothing.
COURTESIES: Final = _phrases(
    r"(?:that|it|this|everything|all|now it) (?:\w+ )?(?:works?|worked|helped|helps|is (?:done|fine|good|great|perfect))(?: (?:now|well|fine|perfectly|for me))*",
    r"(?:i )?(?:really |very much |greatly |do )*appreciate(?:d)?(?: (?:it|that|this|your (?:help|support|time|work)|the (?:help|quick reply)))?",
    r"(?:am |i am |we are )?(?:so |very |really |most )*(?:grateful|thankful|happy|glad)(?: (?:for (?:it|that|this|your (?:help|support))|to hear (?:it|that)|now))?",
    r"(?:thanks|thank you|thx|cheers)(?: (?:so|very) much| a lot| again| once again| a million| a bunch| ever so much)?"
    r"(?: (?:for|to) (?:you|all|everyone|it|that|this|(?:the |your |all (?:the|your) )?(?:\w+ ){0,3}\w+))?",
    r"(?:well )?(?:noted|understood|roger|copy that)(?: with thanks)?|with (?:many )?thanks",
    r"(?:i am |we are )?(?:all set|registered now|now registered|in now)",
    r"(?:awesome|brilliant|lovely|super|amazing|fantastic|splendid|very kind(?: of you)?|so kind(?: of you)?|that is (?:very )?kind(?: of you)?)",
    r"(?:bye|goodbye|see you|take care|all the best|have a good one|you are welcome|merci|danke|gracias)",
    r"(?:it|that|this)|very|so|much|again|yours|to you(?: too)?",
)
THANKS: Final = _pattern(
    r"thanks?|thank you|thank u|thankyou|thx|tnx|ty|cheers|merci|danke|gracias|appreciat\w*|grateful|thankful|noted|understood|roger|got it|received",
    r"great|perfect|nice|excellent|wonderful|awesome|brilliant|lovely|super|amazing|fantastic|cool|all good|all set|works?|worked|helped|bye|goodbye",
)
# Lines that open or close a letter and say nothing.
GREETING: Final = re.compile(
    r"(?:dear|hi|hello|hey|greetings|to whom it may concern|good (?:morning|afternoon|evening|day)|howdy|attention|attn)(?: (?!yes\b|no\b|ok\b|i\b|this\b|that\b|it\b|please\b|not\b)[\w ]{1,60})?"
    r"|(?:my name is|this is|i am) (?:(?:dr|mr|mrs|ms|prof|professor) )?[a-z]+(?: [a-z]+)?(?: (?:from|of|at) [\w ]{1,40})?"
    r"|(?:i )?hope (?:you are|this|all is)[\w ]{0,50}"
    r"|thank(?:s| you)(?: very much| so much| a lot)?(?: for (?:the|your) (?:\w+ )?(?:mail|message|contact|notice|letter))?"
)
NOT_A_NAME: Final = re.compile(
    r"\b(?:this is|i am) (?:not|me|mine|my|right|correct|wrong|ok|okay|fine|good|great|spam|fraud|fake|away|out|on|in|back|busy|sorry|sure|unable|the|a|an|"
    r"no|unsure|asking|writing|so|done|happy|glad|it|confused|afraid|very|currently|requested|true|false|unknown|strange|odd|confirmed|absent|off|travel\w*)\b"
)
AWAY: Final = _pattern(
    r"out of (?:the |my )?office",
    r"out of town",
    r"ooo",
    r"(?:on|taking) (?:\w+ )?(?:leave|vacation|holidays?|travel|sabbatical|a trip|business trip|break)",
    r"(?:annual|sick|parental|maternity|paternity|medical|study) leave",
    r"vacation",
    r"(?:am|be|currently|is|are|will be) (?:\w+ )?(?:away|absent|unavailable|out|travell?ing|off)",
    r"away (?:from|until|till|on|this|next|for|at)",
    r"be back",
    r"back (?:on|in the|in office|by|at work)",
    r"(?:limited|no|intermittent|sporadic) (?:\w+ )?access to (?:my )?(?:mail|inbox|internet)",
    r"return(?:ing)? (?:to (?:the |my )?(?:office|work)|on|by)",
    r"(?:upon|on|after) my return",
    r"auto(?:matic|mated|matically)?(?: ?| generated )(?:repl\w+|respon\w+|answer\w*|message|generated|mail)",
    r"(?:get back to you|respond to your|reply to your|answer your)(?: \w+)?",
    r"(?:office|university|institute) (?:is |will be )?closed",
)
LISTING: Final = re.compile(r"(?:list|contacts|my contacts|list contacts)")
HELPING: Final = re.compile(r"(?:help|help me|usage|how to)")
REMOVING: Final = re.compile(r"(?:remove|delete)\s+(?P<label>\S.*)", re.IGNORECASE)
NO_LABEL: Final = re.compile(
    r"(?:me|us|it|this|that|please)\b|(?:my|the)\s+(?:\w+\s+)?(?:address|e-?mail|mail|account|registration|contact|request|data|entry|login|session)\b",
    re.IGNORECASE,
)
