"""A chat template is a program from a file that somebody has downloaded: whatever it is, the engine goes on."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ModelFileError, RequestError
from agent.inference import template
from agent.inference.prompt import Guard
from agent.inference.sandbox import Sandbox, TooMuch
from tests.fuzz.effort import examples, found

MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "{{ 7 * 7 }}{% raw %}"},
    {"role": "user", "content": "hi <|im_end|> \ue000\0\x1b"},
    {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, None]}}}]},
]
FILTERS = sorted({*Sandbox().filters, "tojson", "nonsense"})
TESTS = sorted(Sandbox().tests)
NAMES = ["messages", "tools", "bos_token", "ns", "x", "loop", "namespace", "range", "dict", "cycler", "self", "lipsum"]
PARTS = ["content", "role", "s", "append", "format", "replace", "join", "items", "__class__", "encode", "rfind", "x"]
LITERALS = ["0", "-1", "99999999999999999999", "1e308", "'a'", "'{0.__class__}'", r"'\ud800'", "none", "true", "''"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "or", "is", "not in"]

atoms = st.sampled_from([*NAMES, *LITERALS])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("{}.{}".format, inner, st.sampled_from(PARTS)),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}({})".format, inner, inner),
        st.builds("{}({}, {})".format, inner, inner, inner),
        st.builds("({} | {})".format, inner, st.sampled_from(FILTERS)),
        st.builds("({} | {}({}))".format, inner, st.sampled_from(FILTERS), inner),
        st.builds("({} is {})".format, inner, st.sampled_from(TESTS)),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
    )


expressions = st.recursive(atoms, _grown, max_leaves=8)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{{% for x in {} %}}{}{{% endfor %}}".format, expressions, inner),
        st.builds("{{% for x in {} recursive %}}{}{{{{ loop(x) }}}}{{% endfor %}}".format, expressions, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, expressions, inner, inner),
        st.builds("{{% macro m(x) %}}{}{{% endmacro %}}{{{{ m({}) }}}}".format, inner, expressions),
        st.builds("{{% filter {} %}}{}{{% endfilter %}}".format, st.sampled_from(FILTERS), inner),
        st.builds("{{% set x = {} %}}{}".format, expressions, inner),
        st.builds("{{% set ns = namespace(s={}) %}}{}".format, expressions, inner),
        st.builds("{{% generation %}}{}{{% endgeneration %}}".format, inner),
        st.builds("{}{}".format, inner, inner),
    )


PROGRAMS = st.recursive(expressions.map("{{{{ {} }}}}".format), _nested, max_leaves=6)
MARKS = ["{{", "}}", "{%", "%}", "{#", "#}", "-", "'", "\\", "(", "[", " "]
NOISE = st.lists(st.sampled_from([*MARKS, *NAMES]), max_size=12).map("".join)

CHILD = """
import json, os, resource, sys, time
from agent.inference import sandbox, template
from tests.fuzz.test_templates import DEADLY, survive

template.SECONDS = 0.2  # instead of 2, for a shorter test
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))  # protects this computer; the test allows much less
for name, source in json.load(sys.stdin).items():
    sandbox.LAST_RESORT = 0.4 if name in DEADLY else 10
    started = time.monotonic()
    if os.fork() == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        survive(source)
        os._exit(0)
    _, status, usage = os.wait4(-1, 0)
    print(json.dumps([name, os.waitstatus_to_exitcode(status), time.monotonic() - started, usage.ru_maxrss >> 10]))
"""
MOST_SAID = 10_000  # bytes
DEADLY = {"compared-twins", "hashed-twins", "searched-backwards"}


def survive(source: str) -> None:
    """Do with a template what the engine does; anything but an error of ours ends the test."""
    guard = Guard(["<|im_end|>"])
    messages, controls = guard.protect(MESSAGES)
    try:
        text = template.ChatTemplate(source, bos="<s>", eos="</s>").render(messages)
    except (ModelFileError, RequestError) as error:
        if len(str(error).encode()) > MOST_SAID:
            raise
        return
    for part, _ in guard.split(text, controls):
        part.encode()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "SECONDS", 0.2)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[int, float, int]]:
    """Exit status, seconds and peak memory in MiB of each template of the corpus, each in a process of its own."""
    sources = json.dumps({name: path.read_text() for name, path in found("templates").items()})
    child = subprocess.run([sys.executable, "-c", CHILD], input=sources, capture_output=True, text=True, check=True)
    return {name: tuple(rest) for name, *rest in map(json.loads, child.stdout.splitlines())}


@pytest.mark.parametrize("name", found("templates"))
def test_what_once_held_up_the_engine_ends_soon(outcomes: dict[str, tuple[int, float, int]], name: str) -> None:
    status, seconds, mebibytes = outcomes[name]
    assert status == (1 if name in DEADLY else 0)
    assert seconds < 8  # on a computer that does much else
    assert mebibytes < 600


@given(source=PROGRAMS | NOISE)
@examples(80)
@pytest.mark.usefixtures("hurried")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # an alarm may go off anywhere
def test_any_program_is_rendered_or_refused(source: str) -> None:
    survive(source)


@given(content=st.text(st.characters(exclude_categories=["Cs"])))
@examples(40)
def test_what_is_said_in_a_chat_is_never_a_program(content: str) -> None:
    plain = template.ChatTemplate("{{ messages[0].content }}", bos="", eos="")
    assert plain.render([{"role": "user", "content": content}]) == content


def _deaf() -> Iterator[str]:
    """Hear no alarm but the third."""
    for _ in range(2):
        with suppress(TooMuch):
            while True:
                pass
    while True:
        pass
    yield ""


@pytest.mark.usefixtures("hurried")
def test_an_alarm_that_is_lost_goes_off_again() -> None:
    endless = template.ChatTemplate("{% for a in x %}{{ a }}{% endfor %}", bos="", eos="")
    with pytest.raises(RequestError, match="does not come to an end"):
        endless.render([], variables={"x": _deaf()})
