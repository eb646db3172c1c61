"""Slack's marks in a text, as the stand-in's page shows them."""

import pytest

from demo.slack.rendering import marked, plain
from demo.slack.workspace import User

MARKED = {
    "a & b < c": "a &amp; b &lt; c",
    "&lt;b&gt; &amp;amp;": "&lt;b&gt; &amp;amp;",
    "*bold* _it_ ~no~ `x*y*z`": "<strong>bold</strong> <em>it</em> <s>no</s> <code>x*y*z</code>",
    "2*3*4 a_b_c": "2*3*4 a_b_c",
    "```two\nlines```": "<pre>two<br>lines</pre>",
    "one\ntwo": "one<br>two",
    "<@UTARO> <@UNOBODY|x>": "@taro @x",
    "<!here> <#C1|general>": "@here #general",
    "<mailto:a@b.test|a@b.test>": ('<a href="mailto:a@b.test" target="_blank" rel="noopener noreferrer">a@b.test</a>'),
    "*<https://a.test/?x=1&amp;y=2|here>*": (
        '<strong><a href="https://a.test/?x=1&amp;y=2" target="_blank" rel="noopener noreferrer">here</a></strong>'
    ),
    "<javascript:alert(1)|x>": "&lt;javascript:alert(1)|x&gt;",
    "<data:text/html,x>": "&lt;data:text/html,x&gt;",
    '<https://a.test/"onclick="x|y>': (
        '<a href="https://a.test/&#34;onclick=&#34;x" target="_blank" rel="noopener noreferrer">y</a>'
    ),
    "\x000\x00 <https://a.test|x>": '0 <a href="https://a.test" target="_blank" rel="noopener noreferrer">x</a>',
}


@pytest.mark.parametrize(("text", "html"), MARKED.items())
def test_marked_text_is_shown_as_slack_marks_it(text: str, html: str) -> None:
    """Bold, italic, struck, code, people, links; what is no link stays text."""
    assert marked(text, {"UTARO": User("UTARO", "taro", "Taro")}) == html


def test_plain_text_is_never_marked() -> None:
    """What people typed is shown as they typed it."""
    assert plain("*a* <b> &lt;\nc") == "*a* &lt;b&gt; &lt;<br>c"
