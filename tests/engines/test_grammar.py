"""Answers that must match a grammar or a JSON schema, and requests for what cannot be had."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.engines import Sampling
from agent.errors import RequestError
from tests.engines.driving import Loaded, advance, answer, running

PERSON = {
    "type": "object",
    "properties": {
        "age": {"type": "integer"},
        "mood": {"enum": ["happy", "sad", "so-so"]},
        "home": {"type": "object", "properties": {"floor": {"type": "integer"}}, "required": ["floor"]},
        "flags": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3},
    },
    "required": ["age", "mood", "home", "flags"],
}
REFERENCED = {
    "$defs": {"Colour": {"type": "string", "enum": ["red", "green"]}},
    "type": "object",
    "properties": {"colour": {"$ref": "#/$defs/Colour"}, "note": {"anyOf": [{"const": "x"}, {"type": "null"}]}},
    "required": ["colour", "note"],
}


def constrained(llama_cpp: Loaded, count: int, *samplings: Sampling) -> list[str]:
    """Answer with several settings at once, each to its end."""
    with running(llama_cpp.engine, *[llama_cpp.request("Answer:", sampling) for sampling in samplings]) as slots:
        results = advance(llama_cpp.engine, slots, count)
    assert all(result.sampled[-1].end for result in results)
    return [result.data.decode() for result in results]


def test_answers_match_the_grammar(llama_cpp: Loaded) -> None:
    grammar = 'root ::= ("yes" | "no") " " [0-9]{2}'
    answers = constrained(llama_cpp, 20, *[Sampling(1.5, seed=seed, grammar=grammar) for seed in range(4)])
    assert all(re.fullmatch(r"(yes|no) [0-9]{2}", text) for text in answers)


def test_a_grammar_holds_at_temperature_0_and_against_a_bias(llama_cpp: Loaded) -> None:
    yes = llama_cpp.tokens("yes")[0]
    grammar = 'root ::= "yes" | "no"'
    plain = Sampling(temperature=0, grammar=grammar)
    biased = Sampling(temperature=0, grammar=grammar, logit_bias={yes: -1000.0})
    assert constrained(llama_cpp, 8, plain, biased)[1] in {"yes", "no"}


def test_two_grammars_at_once_do_not_mix(llama_cpp: Loaded) -> None:
    letters, digits = Sampling(grammar="root ::= [a-z]{6}"), Sampling(grammar="root ::= [0-9]{6}")
    one, other = constrained(llama_cpp, 12, letters, digits)
    assert re.fullmatch("[a-z]{6}", one)
    assert re.fullmatch("[0-9]{6}", other)


def test_answers_match_the_schema(llama_cpp: Loaded) -> None:
    samplings = [Sampling(1.2, seed=seed, schema=json.dumps(PERSON)) for seed in range(4)]
    for text in constrained(llama_cpp, 120, *samplings):
        person = json.loads(text)
        assert set(person) == {"age", "mood", "home", "flags"}
        assert type(person["age"]) is type(person["home"]["floor"]) is int
        assert person["mood"] in {"happy", "sad", "so-so"}
        assert 2 <= len(person["flags"]) <= 3
        assert all(type(flag) is bool for flag in person["flags"])


def test_schemas_may_refer_to_their_definitions(llama_cpp: Loaded) -> None:
    (text,) = constrained(llama_cpp, 60, Sampling(seed=1, schema=json.dumps(REFERENCED)))
    value = json.loads(text)
    assert value["colour"] in {"red", "green"}
    assert value["note"] in {"x", None}


def test_texts_have_no_line_ends_and_tabs_that_json_forbids_however_much_the_model_wants_them(
    llama_cpp: Loaded,
) -> None:
    wanted = {token: 50.0 for text in ("\n", "\t") for token in llama_cpp.tokens(text)}
    schema = json.dumps({"type": "object", "properties": {"a": {"type": "string", "maxLength": 4}}, "required": ["a"]})
    for text in constrained(
        llama_cpp, 40, *(Sampling(1.0, seed=n, schema=schema, logit_bias=wanted) for n in range(3))
    ):
        assert set(json.loads(text)) == {"a"}


def test_log_probabilities_come_with_a_grammar_too(llama_cpp: Loaded) -> None:
    request = llama_cpp.request("Answer:", Sampling(grammar='root ::= "yes" | "no"', top_logprobs=2))
    assert all(event.logprob is not None for event in answer(llama_cpp.engine, request, 2).sampled)


@pytest.mark.parametrize(
    "grammar",
    ['root ::= "yes', 'other ::= "yes"', "root ::= other", 'root ::= root "a" | "b"', "no grammar at all"],
)
def test_refuses_a_grammar_that_cannot_be_read(llama_cpp: Loaded, grammar: str) -> None:
    with pytest.raises(RequestError) as caught:
        llama_cpp.engine.start(llama_cpp.request("Answer:", Sampling(grammar=grammar)))
    assert caught.value.param == "grammar"
    assert llama_cpp.engine.free == 4


@pytest.mark.parametrize(
    "schema",
    [
        "{",
        "[]",
        "true",
        '{"type": "banana"}',
        '{"$ref": "https://example.com/schema.json"}',
        '{"not": {"type": "string"}}',
        '{"type": "string", "pattern": "^(?=a)b$"}',
        '{"type": "string", "maxLength": 5000}',
        '{"type": "string", "maxLength": 1000000000}',
        '{"anyOf": [{"type": "array", "maxItems": 1e9, "items": {"type": "null"}}]}',
        '{"enum": ["' + "a" * 70_000 + '"]}',
        '{"type": "array", "items": {"type": "integer"}, "maxItems": 5000}',
    ],
)
def test_refuses_a_schema_that_cannot_be_enforced(llama_cpp: Loaded, schema: str) -> None:
    with pytest.raises(RequestError) as caught:
        llama_cpp.engine.start(llama_cpp.request("Answer:", Sampling(schema=schema)))
    assert caught.value.param == "response_format"
    assert llama_cpp.engine.free == 4


CHAIN = "root ::= r0\n" + "".join(f"r{n} ::= r{n + 1}\n" for n in range(100_000)) + 'r100000 ::= "a"'
HOSTILE = {
    "deep parentheses": Sampling(grammar="root ::= " + "(" * 100_000 + '"a"' + ")" * 100_000),
    "long chain": Sampling(grammar=CHAIN),
    "unsatisfiable": Sampling(grammar='root ::= "\\x00"'),
    "long string": Sampling(schema='{"type": "string", "maxLength": 50000}'),
    "long array": Sampling(schema='{"type": "array", "items": {"type": "integer"}, "maxItems": 50000}'),
}
CHILD = """
import sys
from pathlib import Path
from agent.engines import LoadOptions, create
from agent.errors import EdgewiseError
from agent.plan import Plan
from tests.engines.driving import Loaded, answer
from tests.engines.test_grammar import HOSTILE

engine = create("llama_cpp")
info = engine.load(LoadOptions(Path(sys.argv[1]), Plan(256, 1, 1, 64), True), lambda _fraction: None)
loaded = Loaded(engine, info)
try:
    answer(engine, loaded.request("Answer:", HOSTILE[sys.argv[2]]), 3)
except EdgewiseError:
    pass
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_no_grammar_ends_the_process(starter: Path, name: str) -> None:
    child = subprocess.run([sys.executable, "-c", CHILD, starter, name], capture_output=True, text=True, check=False)
    how = signal.Signals(-child.returncode).name if child.returncode < 0 else str(child.returncode)
    assert how == "0", child.stderr[-400:]
