"""Markdown from strangers: shown nicely, and never more than text."""
import re
import time

import pytest

from pages.readme import render
from tests.helpers import patient


def test_the_usual_is_rendered():
    html = render('# Alarms\nTwo *small* **words** and `code`.\n\n- one\n- two\n  - deep\n\n1. first\n\n```\na < b\n```\n')
    for part in ('<h3>Alarms</h3>', '<em>small</em> <strong>words</strong>', '<code>code</code>', '<li>one</li>',
                 '<li>two<ul><li>deep</li></ul></li>', '<ol><li>first</li></ol>', '<pre>a &lt; b</pre>'):
        assert part in html


@pytest.mark.parametrize(('text', 'code'), [
    ('Set it up:\n\n    pip install x\n\n      --all < 2\n\nThen', 'pip install x\n\n  --all &lt; 2'),
    ('\t- no list', '- no list'), ('```toml\na = *1*\n\n  b\n```\nThen', 'a = *1*\n\n  b'), ('```\nopen', 'open'),
])  # fmt: skip
def test_what_is_set_in_or_fenced_is_code(text, code):
    assert f'<pre>{code}</pre>' in render(text)


def test_what_goes_on_set_in_is_no_code():
    assert render('Text\n    goes on') == '<p>Text goes on</p>'
    assert '<pre>' not in render('- one\n\n- two\n    - deep\n    goes on\n\n    and on')
    assert '<pre>x</pre>' in render('- one\n\nText\n\n    x')


def test_a_table_is_one():
    assert render('|a|b|\n|---|---|\n|1|<2>|').endswith('<tr><td>1</td><td>&lt;2&gt;</td></tr></tbody></table>')


@pytest.mark.parametrize('text', [
    '<script>alert(1)</script>', '# <img src=x onerror=alert(1)>', '[x](javascript:alert(1))', '[x](data:text/html,hi)',
    '![spy](https://example.com/a.png)', '[x](https://a"onmouseover="alert(1))', '`<b>`', '- <svg/onload=alert(1)>',
    '|<i>|\n|--|\n|<i>|', '```\n</pre><script>\n```', '**<u>**', '[<b>](https://example.com)', '\x00<a\x00 href=x>',
])  # fmt: skip
def test_nothing_of_the_author_is_html(text):
    tags = re.findall(r'<[^>]*>', render(text))
    allowed = re.compile(r'</?(p|h[3-6]|ul|ol|li|pre|code|strong|em|table|thead|tbody|tr|th|td|hr|a)>'
                         r'|<a href="https?://[^"<>]*" target="_blank" rel="noopener noreferrer nofollow">')  # fmt: skip
    assert [tag for tag in tags if not allowed.fullmatch(tag)] == []


@pytest.mark.parametrize('text', ['*' * 60000, '[' * 60000, '`*[' * 20000, '![](' * 15000, '- ' * 30000, '|-' * 30000,
                                  '\n'.join('- x' for _line in range(20000)), '**a*' * 15000, '#' * 60000,
                                  '\n'.join('[a](b' for _line in range(10000))])
def test_no_text_takes_long(text):
    began = time.process_time()
    render(text)
    assert time.process_time() - began < patient(1.0)


def test_a_list_goes_on_counting_behind_what_interrupts_it():
    assert render('1. one\n\n| a |\n|---|\n| b |\n\n2. two\n3. three').endswith('<ol start="2"><li>two</li><li>three</li></ol>')
