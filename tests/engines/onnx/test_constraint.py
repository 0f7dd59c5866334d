"""Answers of ONNX models that must match a grammar or a JSON schema, and requests for what cannot be had."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agent.engines import Sampling
from agent.engines.onnx.constraint import Constraints
from agent.engines.onnx.grammar import from_gbnf
from agent.engines.onnx.sampling import Sampler
from agent.engines.onnx.vocabulary import Vocabulary
from agent.errors import RequestError
from tests.engines.test_grammar import HOSTILE, PERSON, REFERENCED

END = 2
LISTED = {"type": "array", "items": {"enum": ["a", 1, None, "é"]}, "minItems": 2, "maxItems": 4}


class Model:
    """A model that says what comes to its mind."""

    def __init__(self, twin: Path) -> None:
        self.vocabulary = Vocabulary(twin / "tokenizer.json", ends=[END])
        self.constraints = Constraints(self.vocabulary)

    def answer(self, sampling: Sampling, count: int = 300, likely: str = "", *, seed: int = 0) -> str:
        """Return an answer; a character of `likely` is 8 more likely than others, an end 4, so that it comes to one."""
        constraint = self.constraints.of(sampling)
        sampler = Sampler(sampling, self.vocabulary.size, [], constraint)
        random = np.random.default_rng(seed)
        tokens = [token for letter in likely for token in self.vocabulary.tokenize(letter, special=False, begin=False)]
        data = b""
        for _ in range(count):
            logits = random.standard_normal(self.vocabulary.size).astype(np.float32)
            logits[tokens] += 8
            logits[END] += 4
            token = sampler.sample(logits)[0]
            if token == END:
                return data.decode()
            data += self.vocabulary.piece(token)
        raise AssertionError(f"no end: {data!r}")

    def takes(self, sampling: Sampling, text: str) -> bool:
        """Tell whether this text could be the whole answer."""
        constraint = self.constraints.of(sampling)
        assert constraint is not None
        for token in [*self.vocabulary.tokenize(text, special=False, begin=False), END]:
            if not constraint.allows(token):
                return False
            constraint.accept(token)
        return True


@pytest.fixture(scope="session")
def model(twin: Path) -> Model:
    return Model(twin)


def grammar(text: str) -> Sampling:
    return Sampling(grammar=text)


def schema(value: object, seed: int = 0) -> Sampling:
    return Sampling(schema=json.dumps(value), seed=seed)


def test_answers_match_the_grammar(model: Model) -> None:
    for seed in range(4):
        text = model.answer(Sampling(grammar='root ::= ("yes" | "no") " " [0-9]{2}', seed=seed), seed=seed)
        assert re.fullmatch(r"(yes|no) [0-9]{2}", text)


@pytest.mark.parametrize("seed", range(4))
def test_answers_match_the_schema(model: Model, seed: int) -> None:
    person = json.loads(model.answer(schema(PERSON, seed), likely='",}]0', seed=seed))
    assert set(person) == {"age", "mood", "home", "flags"}
    assert type(person["age"]) is type(person["home"]["floor"]) is int
    assert person["mood"] in {"happy", "sad", "so-so"}
    assert 2 <= len(person["flags"]) <= 3
    value = json.loads(model.answer(schema(REFERENCED, seed), likely='",}', seed=seed))
    assert value["colour"] in {"red", "green"}
    assert value["note"] in {"x", None}
    assert 2 <= len(json.loads(model.answer(schema(LISTED, seed), seed=seed))) <= 4


def test_what_is_complete_can_only_end(model: Model) -> None:
    sampling = Sampling(temperature=0, grammar='root ::= "yes"', logit_bias={END: -100.0})
    assert model.answer(sampling) == "yes"


def test_a_grammar_holds_against_a_bias(model: Model) -> None:
    bias = dict.fromkeys(model.vocabulary.tokenize("yes no yn", special=False, begin=False), -1000.0)
    assert model.answer(Sampling(grammar='root ::= "yes" | "no"', logit_bias=bias)) in {"yes", "no"}


def test_two_answers_at_once_do_not_mix(model: Model) -> None:
    letters, digits = (model.constraints.of(grammar(f"root ::= [{range_}]{{6}}")) for range_ in ("a-z", "0-9"))
    assert letters is not None
    assert digits is not None
    (letter,), (digit,) = (model.vocabulary.tokenize(text, special=False, begin=False) for text in "a1")
    for _ in range(3):
        assert (letters.allows(letter), letters.allows(digit)) == (True, False)
        assert (digits.allows(letter), digits.allows(digit)) == (False, True)
        letters.accept(letter)
        digits.accept(digit)


def test_control_tokens_are_never_part_of_an_answer(model: Model) -> None:
    constraint = model.constraints.of(grammar("root ::= .{5}"))
    assert constraint is not None
    allowed = constraint.allowed()
    assert len(allowed) > 10_000
    assert not [token for token in allowed if model.vocabulary.is_control(int(token))]


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ('root ::= word "z"\nword ::= [a-z]+', ["az", "zz", "azz"], ["z", "aZ"]),
        ('root ::= "a" | | "b" ("" | "c")  # all there is\n', ["a", "", "b", "bc"], ["c", "ab"]),
        ('root ::= ("ab"){2} "x"? [^\\x00-\\x1f"]*', ["abab", "ababxé😀"], ["ab", 'abab"', "abab\n"]),
        (r'root ::= "\u00e9\U0001F600\n\"\\" [\]\[a-] .', ['é😀\n"\\-\n', 'é😀\n"\\]x'], ['é😀\n"\\b.']),
        ("root ::= [0-9]{2,3} [a-c]{1,}", ["12a", "123abc"], ["1a", "1234a", "12"]),
        ('root ::= "(" root? ")" | Not-Empty_2\nNot-Empty_2 ::= "x"+', ["()", "((x))", "xx"], ["(", "(()"]),
        ('root ::= sum\nsum ::= sum "+" [0-9] | [0-9]', ["1", "1+2+3"], ["1+", "+1"]),
    ],
)
def test_gbnf_means_what_it_means_for_llama_cpp(model: Model, text: str, good: list[str], bad: list[str]) -> None:
    assert [answer for answer in good if not model.takes(grammar(text), answer)] == []
    assert [answer for answer in bad if model.takes(grammar(text), answer)] == []


@pytest.mark.parametrize(
    ("value", "good", "bad"),
    [
        ({"properties": {"a": {"type": "integer"}}, "type": "object"}, ["{}", '{"a": 1}'], ['{"b": 1}', '{"a": 1.5}']),
        ({"type": "object"}, ['{"any": [1, {"thing": null}]}'], ["1"]),
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}], "type": "object"}, ['{"a": 1, "b": 2}'], []),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, ["1", "1.5"], ['"1"']),
        ({"type": "string", "format": "binary"}, ['"x"'], ["x"]),
        ({"type": "string", "format": "date"}, ['"2026-01-31"'], ['"tomorrow"']),
        ({"properties": {"format": {"const": "format"}}, "required": ["format"], "type": "object"},
         ['{"format": "format"}'], ["{}"]),
        ({"type": "array", "items": {"type": "null"}}, ["[]", "[\n  null,\n  null\n]"], ["[\n\n\n]", "[null"]),
    ],
)  # fmt: skip
def test_schemas_mean_what_they_mean_for_llama_cpp(
    model: Model, value: object, good: list[str], bad: list[str]
) -> None:
    assert [answer for answer in good if not model.takes(schema(value), answer)] == []
    assert [answer for answer in bad if model.takes(schema(value), answer)] == []


@pytest.mark.parametrize(
    "text",
    [
        'root ::= "yes', 'other ::= "yes"', "root ::= other", "no grammar at all", "root ::= (", "root ::= )",
        "root ::= *", "root ::= [", "root ::= []", "::= root", 'root ::= "\\q"', 'root ::= "\\uD800"',
        "root ::= [z-a]", "root ::= <think>", "root ::= root", 'root ::= "a"{3,2}', 'root ::= "a"{9999}',
        'root ::= "a"\nroot ::= "b"', "root", " ",
    ],
)  # fmt: skip
def test_refuses_a_grammar_that_cannot_be_read(model: Model, text: str) -> None:
    with pytest.raises(RequestError) as caught:
        model.constraints.of(grammar(text))
    assert caught.value.param == "grammar"


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "true", '{"type": "banana"}', '{"$ref": "https://example.com/schema.json"}', '{"$ref": "#/none"}',
        '{"not": {"type": "string"}}', '{"not": {}, "x-guidance": {"lenient": true}}', '{"multipleOf": NaN}',
        '{"type": "string", "pattern": "^(?=a)b$"}', '{"type": "string", "maxLength": 1000000000}',
        '{"anyOf": [{"type": "array", "maxItems": 1e9, "items": {"type": "null"}}]}', '{"multipleOf": 999983}',
        '{"type": "number", "multipleOf": 123.4567}', '{"type": "string", "minLength": 2, "maxLength": 1}',
        '{"enum": ["' + "a" * 70_000 + '"]}', '{"items":' * 5000 + "{}" + "}" * 5000, '{"enum": ["\\ud800"]}',
    ],
)  # fmt: skip
def test_refuses_a_schema_that_cannot_be_enforced(model: Model, text: str) -> None:
    with pytest.raises(RequestError) as caught:
        model.constraints.of(Sampling(schema=text))
    assert caught.value.param == "response_format"


def test_a_model_without_an_end_cannot_be_constrained(twin: Path) -> None:
    endless = Constraints(Vocabulary(twin / "tokenizer.json"))
    with pytest.raises(RequestError, match="no token that ends"):
        endless.of(grammar('root ::= "a"'))


def test_an_answer_ends_where_the_library_gives_up(model: Model) -> None:
    assert len(model.answer(grammar('root ::= (""|"a"?)* root'), likely="a")) < 10


def references(count: int, body: str) -> Sampling:
    """Return a schema of definitions that refer to each other in a row."""
    definitions = ",".join(f'"{at}":{body.replace("REF", f"#/$defs/{at + 1}")}' for at in range(count))
    return Sampling(schema=f'{{"$defs":{{{definitions},"{count}":{{}}}},"$ref":"#/$defs/0"}}')


RULES = "root ::= a0\n" + "".join(f"a{at:x}::=a{at + 1:x}\n" for at in range(4500)) + 'a1194 ::= "a"'
CHOICES = [{"anyOf": [{"type": "object", "properties": {f"p{n}_{m}": {}}} for m in range(4)]} for n in range(6)]
WORSE = HOSTILE | {
    "long chain that fits": grammar(RULES),
    "chain of properties": references(1000, '{"properties":{"":{"$ref":"REF"}}}'),
    "chain of lists": references(1000, '{"items":{"items":{"items":{"$ref":"REF"}}}}'),
    "chain of choices": references(1300, '{"anyOf":[{"$ref":"REF"}]}'),
    "product of choices": schema({"allOf": CHOICES}),
    "repeated repetition": grammar('root ::= ((("a"{2000}){2000}){2000}){2000}'),
    "many repetitions": grammar("root ::= " + "[a-z]{0,2000} " * 3000),
    "exploding pattern": schema({"type": "string", "pattern": "(a|b|ab)*c{500}.*x{900}"}),
    "many patterns": schema({"anyOf": [{"type": "string", "pattern": f".*a.{{{n}}}b.*c"} for n in range(1, 900)]}),
    "ambiguous": grammar('root ::= (root root root)? | "a"?'),
}
CHILD = """
import resource, sys, time
from pathlib import Path
from agent.errors import RequestError
from tests.engines.onnx.test_constraint import Model, WORSE, grammar

model = Model(Path(sys.argv[1]))
model.constraints.of(grammar('root ::= "a"'))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name, sampling in WORSE.items():
    started = time.process_time()
    try:
        model.answer(sampling, 20, likely='a"')
    except (RequestError, AssertionError):
        pass
    assert time.process_time() - started < 5, name
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 1024
"""


def test_no_schema_and_no_grammar_ends_the_process_or_takes_it_all(twin: Path) -> None:
    child = subprocess.run([sys.executable, "-c", CHILD, twin], capture_output=True, text=True, check=False)
    how = signal.Signals(-child.returncode).name if child.returncode < 0 else str(child.returncode)
    assert how == "0", child.stderr[-400:]


def test_the_translation_of_a_long_grammar_takes_time_in_proportion() -> None:
    assert len(from_gbnf("root ::= " + '("a" | [b-d]+ )\n' * 4000)) > 4000
