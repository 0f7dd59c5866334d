"""The choice: rules that hold for any models, any machine and any wishes, and some cases by hand."""

import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalog import load_catalog
from agent.models import ModelStore
from agent.offers import offers as known_offers
from agent.profiles import built_in, load_profiles
from agent.selection import Offer, Policy, Selection, select
from agent.selection.policy import Preference
from tests.selection import making
from tests.selection.making import (
    CHAT,
    GIB,
    MIB,
    backend,
    budgets,
    machine,
    measured,
    model,
    offer,
    policies,
    profile,
    rejected,
)

SMALL = offer(model("small", 0.5, 20))
MIDDLE = offer(model("middle", 3.0, 55))
LARGE = offer(model("large", 30.0, 80))
ALL = [SMALL, MIDDLE, LARGE]


def chosen(*found: Offer, usable: int = 8 * GIB, policy: Policy = CHAT, keep: str = "") -> Selection:
    return select(found, machine(backend(usable)), policy, keep=keep)


@given(found=making.offers(), usable=budgets, policy=policies)
def test_what_is_chosen_fits_and_everything_else_has_a_reason(found: list[Offer], usable: int, policy: Policy) -> None:
    selection = chosen(*found, usable=usable, policy=policy)
    assert selection.reason
    assert len(selection.rejected) + bool(selection.model) == len(found)
    assert all(entry.reason and entry.verdict != "chosen" for entry in selection.rejected)
    if selection.model:
        assert selection.memory is not None
        assert selection.memory.total <= usable == selection.budget.usable
        assert selection.predicted is not None


@given(found=making.offers(), usable=budgets, policy=policies)
def test_scores_are_the_sum_of_their_parts(found: list[Offer], usable: int, policy: Policy) -> None:
    selection = chosen(*found, usable=usable, policy=policy)
    for entry in (selection, *selection.rejected):
        assert entry.score == pytest.approx(sum(entry.score_parts.values()))


@given(found=making.offers(), usable=budgets, policy=policies, seed=st.randoms(use_true_random=False))
def test_the_order_of_the_offers_does_not_matter(
    found: list[Offer], usable: int, policy: Policy, seed: random.Random
) -> None:
    shuffled = seed.sample(found, len(found))
    assert chosen(*found, usable=usable, policy=policy) == chosen(*shuffled, usable=usable, policy=policy)


@given(found=making.offers(), usable=budgets, policy=policies)
def test_taking_away_an_offer_that_was_not_chosen_does_not_change_the_choice(
    found: list[Offer], usable: int, policy: Policy
) -> None:
    first = chosen(*found, usable=usable, policy=policy)
    for other in found if fast_enough(first) else []:
        if other.file.reference != first.file:
            rest = [one for one in found if one is not other]
            again = chosen(*rest, usable=usable, policy=policy)
            assert (again.file, again.plan(), again.score) == (first.file, first.plan(), first.score)


def fast_enough(selection: Selection) -> bool:
    """Whether the choice is one of those that are fast enough."""
    return not any("slower than is pleasant" in note for note in selection.notes)


@given(found=making.offers(), first=budgets, second=budgets, policy=policies)
def test_more_memory_never_gives_a_worse_choice(found: list[Offer], first: int, second: int, policy: Policy) -> None:
    little, much = (chosen(*found, usable=usable, policy=policy) for usable in sorted((first, second)))
    assert much.model or not little.model
    if little.model and fast_enough(little):
        assert fast_enough(much)
        assert much.score >= little.score


@given(found=making.offers(), usable=budgets, policy=policies)
def test_what_the_user_asked_for_is_never_shrunk(found: list[Offer], usable: int, policy: Policy) -> None:
    selection = chosen(*found, usable=usable, policy=policy)
    if not selection.model:
        return
    assert selection.context_length == policy.context or not policy.context
    assert selection.parallel == policy.parallel or not policy.parallel
    assert selection.micro_batch == policy.micro_batch or not policy.micro_batch
    assert selection.prompt_cache == policy.prompt_cache * MIB or policy.prompt_cache < 0


@given(found=making.offers(), usable=budgets, policy=policies)
def test_json_decodes_into_the_same_selection(found: list[Offer], usable: int, policy: Policy) -> None:
    selection = chosen(*found, usable=usable, policy=policy)
    assert msgspec.json.decode(msgspec.json.encode(selection, enc_hook=str), type=Selection) == selection


def test_json_has_the_promised_keys() -> None:
    document = msgspec.to_builtins(chosen(*ALL), enc_hook=str)
    promised = {"profile", "model", "file", "engine", "quantization", "context_length", "parallel", "rejected"}
    assert promised <= document.keys()
    assert {"weights", "kv_cache", "compute", "overhead", "total"} <= document["memory"].keys()
    assert {"prefill", "decode"} <= document["predicted"].keys()
    assert promised - {"profile", "rejected"} <= document["rejected"][0].keys()


def test_the_best_that_fits_and_is_fast_enough_is_chosen() -> None:
    selection = chosen(*ALL, usable=8 * GIB)
    assert (selection.model, selection.verdict) == ("middle", "chosen")
    assert rejected(selection, "small").verdict == "possible"
    assert rejected(selection, "large").verdict == "large"


def test_a_model_that_fits_and_is_slow_gives_way_to_a_fast_one() -> None:
    selection = chosen(*ALL, usable=64 * GIB)
    assert selection.model == "middle"
    assert rejected(selection, "large").verdict == "slow"
    assert rejected(selection, "large").score > 0


def test_a_tie_goes_to_the_faster_one() -> None:
    slower, faster = offer(model("a", 1.0, 50)), offer(model("b", 0.1, 50))
    assert chosen(slower, faster, policy=Policy(least_decode=0.1)).model == "b"


def test_what_is_here_wins_by_a_point() -> None:
    twin = offer(model("twin", 3.0, 54.5), installed="twin")
    assert chosen(MIDDLE, twin).model == "twin"
    assert chosen(MIDDLE, twin).score_parts["installed"] == 1


@pytest.mark.parametrize("usable", [0, 100 * MIB])
def test_when_nothing_fits_the_smallest_is_named(usable: int) -> None:
    selection = chosen(*ALL, usable=usable)
    assert selection.model == ""
    assert selection.reason.startswith("No model fits. The smallest, Small Q4_K_M with")
    assert {entry.verdict for entry in selection.rejected} == {"large"}
    assert [entry.model for entry in selection.rejected] == ["small", "middle", "large"]


def test_without_offers_it_says_so() -> None:
    assert chosen().reason == "There is no model to choose from."


def test_when_all_are_out_of_the_question_memory_is_not_blamed() -> None:
    selection = chosen(offer(model(use=["code"])))
    assert selection.model == ""
    assert "out of the question" in selection.reason
    assert "memory" not in selection.reason


def test_without_an_engine_it_says_so() -> None:
    board = replace(machine(), backends=(), notes=("Edgewise has no engine rknn for rknn yet.",))
    selection = select(ALL, board, CHAT)
    assert selection.model == ""
    assert "engine" in selection.reason
    assert selection.notes == ["Edgewise has no engine rknn for rknn yet."]
    assert selection.budget.usable == 0


def test_a_profile_that_wants_no_speed_lets_everything_pass() -> None:
    selection = select(ALL, machine(backend(64 * GIB), board=profile(least=0.0, wait=1000.0)), CHAT)
    assert selection.model == "large"
    assert selection.score_parts["speed"] == 7.5


def test_of_slow_models_one_that_is_much_slower_than_the_quickest_is_not_taken() -> None:
    selection = chosen(*ALL, usable=64 * GIB, policy=Policy(least_decode=1000))
    assert selection.model == "small"
    assert any("slower than is pleasant" in note for note in selection.notes)
    assert rejected(selection, "large").verdict == "slow"


def test_of_slow_models_the_better_of_two_that_are_about_as_fast_is_taken() -> None:
    better = offer(model("better", 0.7, 40))
    assert chosen(SMALL, better, policy=Policy(least_decode=1000)).model == "better"


def test_an_earlier_choice_stays_while_it_does_well() -> None:
    earlier, better = offer(model("earlier", 1.0, 40)), offer(model("better", 1.0, 43))
    assert chosen(earlier, better).model == "better"
    selection = chosen(earlier, better, keep=earlier.file.reference)
    assert selection.model == "earlier"
    assert "chosen before" in selection.reason
    assert "Better" in selection.reason
    assert rejected(selection, "better").reason.startswith("scores ")


def test_an_earlier_choice_gives_way_to_one_that_is_much_better() -> None:
    earlier, better = offer(model("earlier", 1.0, 40)), offer(model("better", 1.0, 46))
    assert chosen(earlier, better, keep=earlier.file.reference).model == "better"


@pytest.mark.parametrize("gone", [LARGE, offer(model("unknown"))])
def test_an_earlier_choice_that_does_not_fit_or_exist_any_more_is_forgotten(gone: Offer) -> None:
    assert chosen(*ALL, keep=gone.file.reference).model == "middle"


def test_an_earlier_choice_among_slow_ones_stays() -> None:
    earlier, better = offer(model("earlier", 0.7, 40)), offer(model("better", 0.7, 43))
    policy = Policy(least_decode=1000)
    assert chosen(earlier, better, policy=policy).model == "better"
    assert chosen(earlier, better, policy=policy, keep=earlier.file.reference).model == "earlier"


def test_files_count_once_however_many_engines_could_run_them() -> None:
    two = machine(backend(provider="cuda", bandwidth=40e9), backend())
    selection = select([SMALL, MIDDLE], two, CHAT)
    assert selection.reason.startswith("Of 2 files")
    assert selection.provider == "cuda"
    assert "the same file on cuda scores" in next(e.reason for e in selection.rejected if e.model == "middle")


def test_a_card_with_little_memory_leaves_large_models_to_the_processor() -> None:
    two = machine(backend(1 * GIB, provider="cuda", bandwidth=200e9), backend(16 * GIB))
    selection = select([MIDDLE], two, CHAT)
    assert (selection.model, selection.provider) == ("middle", "cpu")
    assert selection.budget.usable == 16 * GIB


def test_what_is_installed_is_planned_even_where_it_is_unsuitable() -> None:
    """The user may have chosen it all the same."""
    coder = offer(model("coder", use=["code"]), installed="coder")
    selection = chosen(MIDDLE, coder)
    entry = rejected(selection, "coder")
    assert entry.verdict == "unsuitable"
    assert entry.memory is not None
    assert entry.plan().context == 4096


def test_a_type_of_keys_and_values_that_the_profile_wants_is_used() -> None:
    board = profile()
    wanted = msgspec.structs.replace(board, defaults=msgspec.structs.replace(board.defaults, kv_type="q4_0"))
    selection = select([MIDDLE], machine(board=wanted), CHAT)
    assert selection.kv_type == selection.plan().kv_type == "q4_0"


def test_context_is_that_of_the_training_where_that_is_less_than_the_profile_has() -> None:
    selection = chosen(offer(model(context=2048)))
    assert selection.context_length == 2048
    assert selection.shrunk == []


@pytest.mark.parametrize(("use", "expected"), [("chat", "middle"), ("code", "coder"), ("math", "middle")])
def test_a_specialist_wins_in_its_field_over_a_model_for_chat_of_its_size(use: str, expected: str) -> None:
    coder = offer(model("coder", 3.0, 48, use=["code"]))
    assert chosen(MIDDLE, coder, policy=msgspec.convert({"use": use}, Policy)).model == expected


@pytest.mark.parametrize(("prefer", "expected"), [("speed", "quick"), ("balanced", "good"), ("quality", "best")])
def test_the_users_preference_weighs_speed_against_quality(prefer: Preference, expected: str) -> None:
    models = [offer(model("quick", 0.5, 47)), offer(model("good", 3.0, 55.5)), offer(model("best", 6.0, 58))]
    assert chosen(*models, usable=16 * GIB, policy=Policy(prefer=prefer)).model == expected


def test_a_real_measurement_gives_plausible_speeds_for_the_whole_catalogue(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    board = next(found for found in load_profiles(built_in()) if found.name == "x86-avx512")
    here = replace(machine(board=board), backends=(replace(backend(64 * GIB), rates=measured()),))
    selection = select(known_offers(load_catalog(), store), here, Policy(licences="any"))
    speeds = [entry.predicted.decode for entry in selection.rejected if entry.predicted]
    assert len(speeds) > 200
    assert all(0.1 < speed < 1000 for speed in speeds)


def test_an_installed_model_is_found_by_its_name_and_nothing_by_none() -> None:
    selection = chosen(SMALL, replace(MIDDLE, installed="mine"), LARGE)
    found = selection.of_installed("mine")
    assert found is not None
    assert found.model == "middle"
    assert selection.of_installed("other") is None
    assert selection.of_installed("") is None, "what is not installed has no name"
