"""What selection says in sentences."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given

from agent.selection import Offer, Policy, Selection, select
from tests.selection import making
from tests.selection.making import CHAT, GIB, backend, budgets, machine, model, offer, policies, profile

SMALL, MIDDLE = offer(model("small", 0.5, 20)), offer(model("middle", 3.0, 55))


def chosen(*found: Offer, policy: Policy = CHAT, usable: int = 8 * GIB) -> Selection:
    return select(found, machine(backend(usable)), policy)


def test_the_winner_of_many_shows_its_sum() -> None:
    selection = chosen(SMALL, MIDDLE)
    assert selection.reason == (
        "Of 2 files that fit and are fast enough it has the best score, "
        f"{selection.score:.1f} = 55.0 quality - 2.0 Q4_K_M + {selection.score_parts['speed']:.1f} speed."
    )


@given(found=making.offers(), usable=budgets, policy=policies)
def test_the_sum_that_is_shown_adds_up(found: list[Offer], usable: int, policy: Policy) -> None:
    _, _, shown = chosen(*found, policy=policy, usable=usable).reason.partition("best score, ")
    if shown:
        total, _, parts = shown.removesuffix(".").partition(" = ")
        words = parts.split()
        signs = {"+": 1, "-": -1}
        values = [float(words[0])]
        values += [signs[sign] * float(words[at + 1]) for at, sign in enumerate(words) if sign in signs]
        assert sum(values) == pytest.approx(float(total))


def test_the_only_one_is_called_so() -> None:
    assert chosen(MIDDLE).reason == "It is the only one that fits and is fast enough."


def test_the_least_slow_one_is_called_so_and_what_is_wrong_is_noted() -> None:
    selection = chosen(SMALL, MIDDLE, policy=Policy(least_decode=1000))
    assert selection.reason.startswith("Nothing that fits is fast enough here")
    assert "It will be slower than is pleasant: it gives fewer than 1000 tokens per second." in selection.notes


def test_a_rival_is_told_by_how_much_it_lost_and_to_whom() -> None:
    selection = chosen(SMALL, MIDDLE)
    lead = selection.score - selection.rejected[0].score
    assert selection.rejected[0].reason == f"Middle scores {lead:.1f} more"


def test_another_file_of_the_same_model_lost_to_a_file() -> None:
    better = offer(MIDDLE.model, "Q6_K")
    selection = chosen(better, replace(MIDDLE, model=better.model))
    assert selection.rejected[0].reason.split(" scores ")[0] == f"{selection.quantization} of the same model"


def test_a_tie_is_not_called_a_defeat() -> None:
    first, second = offer(model("first")), offer(model("second"))
    selection = chosen(second, first)
    assert selection.model == "first"
    assert selection.rejected[0].reason == "First scores as much"


def test_what_was_given_up_is_noted() -> None:
    selection = chosen(MIDDLE, usable=int(2.6 * GIB))
    assert selection.shrunk
    assert f"So that it fits, it runs with {', '.join(selection.shrunk)}." in selection.notes
    assert selection.score_parts["shrunk"] < 0


def test_what_the_machine_and_the_profile_have_to_say_is_noted_first() -> None:
    board = msgspec.structs.replace(profile(), note="Wants a fan.", tested=False)
    here = replace(machine(board=board), notes=("No CUDA.",))
    notes = select([MIDDLE], here, CHAT).notes
    assert notes[:2] == ["No CUDA.", "Wants a fan."]
    assert "nobody has tested it yet" in notes[2]
    assert chosen(MIDDLE).notes == []
