"""The graph computes what BERT is, whoever shares a run."""

from pathlib import Path

import numpy as np
import pytest

from agent.embeddings.encoder import read_encoder
from agent.embeddings.model import Model
from tests.embeddings.tiny_encoder import HIDDEN, LIMIT, WORDS

# First components by transformers 5.23.0 and torch 2.13.0 on the folder that `write_encoder` makes:
#   BertModel.from_pretrained(folder, add_pooling_layer=False).eval()(input_ids=…).last_hidden_state[0].mean(0)
# divided by its length.
REFERENCE = {
    "the cat": [0.038366, 0.036778, 0.006614, -0.065884],
    "A dog, the CAT and 猫!": [0.055298, 0.021249, -0.024508, -0.104345],
    "z": [0.032033, 0.087952, 0.033148, -0.007564],
    " ": [0.059375, 0.080646, 0.021571, -0.026464],
    "the cat the dog the cat the dog cat": [0.033440, 0.042562, 0.014898, -0.063187],
}


@pytest.fixture(scope="module")
def model(tiny: Path) -> Model:
    return Model(read_encoder(tiny), threads=1)


def tokens(model: Model, *texts: str | list[int]) -> list[list[int]]:
    return model.tokenize(list(texts), truncate=True)


def test_vectors_are_those_of_transformers(model: Model) -> None:
    vectors = model.embed(tokens(model, *REFERENCE))
    assert vectors.shape == (len(REFERENCE), HIDDEN)
    assert np.allclose(vectors[:, :4], list(REFERENCE.values()), atol=2e-6)


def test_vectors_have_the_length_one(model: Model) -> None:
    assert np.allclose(np.linalg.norm(model.embed(tokens(model, *REFERENCE)), axis=1), 1, atol=1e-6)


def test_a_text_has_the_same_vector_alone_and_in_company(model: Model) -> None:
    texts = tokens(model, *REFERENCE)
    alone = np.concatenate([model.embed([text]) for text in texts])
    assert np.allclose(model.embed(texts), alone, atol=1e-6)
    assert np.allclose(model.embed(texts[::-1])[::-1], alone, atol=1e-6)


def test_tokens_of_the_model_are_as_good_as_their_text(model: Model) -> None:
    plain = [WORDS.index("the"), WORDS.index("cat")]
    assert tokens(model, "the cat", plain)[0] == tokens(model, plain)[0]
    assert tokens(model, tokens(model, "the cat")[0]) == tokens(model, "the cat")


def test_a_text_is_cut_behind_the_last_token_that_fits(model: Model) -> None:
    whole, cut = tokens(model, "a " * (LIMIT - 2))[0], tokens(model, "a " * 1000)[0]
    assert cut == whole
    assert len(cut) == LIMIT


def test_a_huge_text_is_read_only_as_far_as_needed(model: Model) -> None:
    spaced = f"{' ' * 300_000}the cat"  # all of the first piece is blank
    assert tokens(model, spaced) == tokens(model, "the cat")
    assert len(tokens(model, "a " * 4_000_000)[0]) == LIMIT
