"""What selection is told about a computer."""

import asyncio
import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from agent import providers as onnx_providers
from agent import survey
from agent.config import Config
from agent.errors import ConfigError
from agent.hardware import probe
from agent.hardware.facts import Accelerator, Hardware
from agent.measurements import Measurements
from agent.profiles import Profile, built_in, load_profiles
from agent.providers import Provider
from agent.selection import Machine
from agent.survey import Surveyor, build, providers
from tests.selecting import know_speed

GIB = 2**30
BOARDS = Path(__file__).parent / "boards"
PROFILES = {profile.name: profile for profile in load_profiles(built_in())}


def surveyed(config: Config, root: Path, *, ours: int = 0, measure: bool = True) -> Machine:
    surveyor = Surveyor(config, Measurements(config.state_dir / "measurements.json"), {}, root)
    return asyncio.run(surveyor.survey(ours=ours, measure=measure))


def own_profile(old: str, new: str, name: str = "mine", base: str = "raspberry-pi-5") -> None:
    """Give the user a profile of their own, a changed copy of a built-in one."""
    folder = Path.home() / ".config" / "edgewise" / "firmware-profiles"
    folder.mkdir(parents=True)
    text = (built_in() / f"{base}.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / f"{name}.toml").write_text(text.replace(old, new, 1), encoding="utf-8")


def jetson(card: Accelerator | None = None) -> Hardware:
    found = probe(BOARDS / "jetson-orin-nano-8gb" / "tree")
    return msgspec.structs.replace(found, accelerators=[card]) if card else found


def card(memory: int | None) -> Accelerator:
    return Accelerator("gpu", "nvidia", "a card", "nvidia", memory, "cuda", "")


def test_a_recorded_board_is_never_measured(tmp_path: Path) -> None:
    machine = surveyed(Config(state_dir=tmp_path), BOARDS / "raspberry-pi-5-8gb" / "tree")
    assert machine.profile.name == "raspberry-pi-5"
    assert [backend.rates.measured for backend in machine.backends] == [False, False]
    assert machine.backends[0].rates.source.startswith("published figures, ")
    assert list(tmp_path.iterdir()) == []


def test_a_board_with_two_engines_has_both_and_the_best_first(tmp_path: Path) -> None:
    machine = surveyed(Config(state_dir=tmp_path), BOARDS / "jetson-orin-nano-8gb" / "tree")
    assert [backend.provider for backend in machine.backends] == ["cuda", "cpu", "cpu"]
    fast, slow, other = (backend.rates.decode[""] for backend in machine.backends)
    assert fast > slow == other


def test_what_is_left_for_a_model_is_what_is_available_without_the_reserve(tmp_path: Path) -> None:
    machine = surveyed(Config(state_dir=tmp_path), BOARDS / "raspberry-pi-5-8gb" / "tree")
    budget = machine.backends[0].budget
    assert budget.usable == budget.available - budget.reserve
    assert budget.reserve == int(machine.profile.reserve.value) * 2**20
    more = surveyed(Config(state_dir=tmp_path), BOARDS / "raspberry-pi-5-8gb" / "tree", ours=GIB)
    assert more.backends[0].budget.usable == budget.usable + GIB


def test_a_board_that_has_less_than_its_reserve_has_nothing_left() -> None:
    hardware = probe(BOARDS / "raspberry-pi-5-8gb" / "tree")
    poor = msgspec.structs.replace(hardware, memory=msgspec.structs.replace(hardware.memory, available=1))
    assert survey._budget(poor, PROFILES["raspberry-pi-5"], "cpu", 0, 0).usable == 0


@pytest.mark.parametrize(("memory", "available"), [(None, None), (12 * GIB, 12 * GIB), (0, 0)])
def test_a_card_of_its_own_has_its_own_budget(memory: int | None, available: int | None) -> None:
    """And one whose size could not be read has none: nothing can be planned for it."""
    hardware = jetson(card(memory))
    budget = survey._budget(hardware, PROFILES["nvidia-discrete"], "cuda", 0, GIB)
    assert budget.available == (hardware.memory.usable if available is None else available)
    assert budget.embeddings == (GIB if available is None else 0), "they are computed in main memory"
    assert survey._budget(hardware, PROFILES["nvidia-discrete"], "cpu", 0, GIB).available == hardware.memory.usable


def test_a_profile_may_be_named(tmp_path: Path) -> None:
    tree = BOARDS / "raspberry-pi-5-8gb" / "tree"
    assert surveyed(Config(state_dir=tmp_path, profile="rk3588"), tree).profile.name == "rk3588"
    with pytest.raises(ConfigError, match="nonsense") as caught:
        surveyed(Config(state_dir=tmp_path, profile="nonsense"), tree)
    assert "rk3588" in caught.value.hint


def test_a_profile_of_the_users_replaces_one_of_the_same_name(tmp_path: Path) -> None:
    own_profile("reserve = { value =", "reserve = { source = 'mine', value = 777 }\n# {", name="raspberry-pi-5")
    machine = surveyed(Config(state_dir=tmp_path), BOARDS / "raspberry-pi-5-8gb" / "tree")
    assert machine.backends[0].budget.reserve == 777 * 2**20


def test_engines_that_do_not_exist_yet_are_named(tmp_path: Path) -> None:
    own_profile('["llama_cpp:cpu", "onnx:cpu"]', '["rkllm:rknn", "llama_cpp:cpu"]', name="raspberry-pi-5")
    machine = surveyed(Config(state_dir=tmp_path), BOARDS / "raspberry-pi-5-8gb" / "tree")
    assert machine.notes == ("Edgewise has no engine rkllm for rknn yet.",)
    assert [backend.provider for backend in machine.backends] == ["cpu"]


def test_a_profile_all_of_whose_engines_are_missing_leaves_none(tmp_path: Path) -> None:
    own_profile('["llama_cpp:cpu", "onnx:cpu"]', '["rkllm:rknn"]', name="raspberry-pi-5")
    assert surveyed(Config(state_dir=tmp_path), BOARDS / "raspberry-pi-5-8gb" / "tree").backends == ()


@pytest.mark.parametrize(
    ("rule", "board", "threads"),
    [("big", "orange-pi-5", 4), ("all", "orange-pi-5", 8), ("3", "orange-pi-5", 3), ("big", "jetson-nano", 4)],
)
def test_threads_follow_the_rule_of_the_profile(rule: str, board: str, threads: int) -> None:
    profile = PROFILES["rk3588"]
    ruled: Profile = msgspec.structs.replace(profile, defaults=msgspec.structs.replace(profile.defaults, threads=rule))
    assert survey._threads(probe(BOARDS / board / "tree"), ruled) == threads


def test_the_users_number_of_threads_comes_first(tmp_path: Path) -> None:
    assert surveyed(Config(state_dir=tmp_path, threads=7), BOARDS / "orange-pi-5" / "tree").threads == 7


def test_a_disk_that_is_not_recorded_is_unknown_rather_than_full(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(BOARDS / "raspberry-pi-5-8gb" / "tree", tree)
    assert surveyed(Config(state_dir=tmp_path), tree).disk_free
    (tree / "edgewise" / "storage.json").unlink()
    assert surveyed(Config(state_dir=tmp_path), tree).disk_free is None


def test_this_computer_is_known_by_what_was_measured(tmp_path: Path) -> None:
    config = Config(state_dir=tmp_path)
    asyncio.run(know_speed(config, 1e9))
    machine = surveyed(config, survey.LIVE)
    assert next(backend for backend in machine.backends if backend.provider == "cpu").rates.measured


def test_without_measuring_the_profile_is_believed_for_now(tmp_path: Path) -> None:
    machine = surveyed(Config(state_dir=tmp_path), survey.LIVE, measure=False)
    assert not any(backend.rates.measured for backend in machine.backends)
    assert list(tmp_path.iterdir()) == []


def test_the_libraries_of_llama_cpp_tell_what_it_can_compute_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cpu" in providers()
    package = tmp_path / "llama_cpp"
    (package / "lib").mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in ("libggml.so", "libggml-base.so", "libggml-cpu-haswell.so", "libggml-cpu-zen4.so", "libggml-cuda.so"):
        (package / "lib" / name).touch()
    monkeypatch.delitem(sys.modules, "llama_cpp", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert providers() == {"cpu", "cuda"}


def test_without_llama_cpp_the_other_engine_is_left_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    machine = surveyed(Config(state_dir=tmp_path), survey.LIVE, measure=False)
    assert [backend.engine for backend in machine.backends] == ["onnx"]
    assert "llama.cpp is not installed: `make setup` builds it." in machine.notes


def test_a_build_is_named_with_its_version_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert build("echo") == "echo"
    assert build("llama_cpp").startswith("llama_cpp 0.")
    monkeypatch.setitem(survey._PACKAGES, "llama_cpp", "no-such-package")
    assert build("llama_cpp") == "llama_cpp"


def test_a_missing_onnx_runtime_is_told_only_where_a_model_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    surveyor = Surveyor(Config(state_dir=tmp_path), Measurements(tmp_path / "measurements.json"), {})
    plain = asyncio.run(surveyor.survey(measure=False))
    assert "onnx" not in {backend.engine for backend in plain.backends}
    assert plain.missing == {"onnx": "ONNX Runtime is not installed: `make setup` installs it."}
    assert not set(plain.missing.values()) & set(plain.notes)
    needed = asyncio.run(surveyor.survey(measure=False, engines={"llama_cpp", "onnx"}))
    assert set(needed.missing.values()) <= set(needed.notes)


def test_an_engine_without_models_here_is_not_measured_and_taken_to_be_as_fast_as_the_other(tmp_path: Path) -> None:
    config = Config(state_dir=tmp_path)
    asyncio.run(know_speed(config, 1e9))
    measurements = Measurements(config.state_dir / "measurements.json")
    key = next(key for key in measurements._learnt.rates if key.startswith("onnx"))
    del measurements._learnt.rates[key]
    machine = asyncio.run(Surveyor(config, measurements, {}).survey())
    ours, other = (backend for backend in machine.backends if backend.provider == "cpu")
    assert (ours.engine, ours.rates.measured) == ("llama_cpp", True)
    assert (other.engine, other.rates.measured) == ("onnx", False)
    assert other.rates.decode == ours.rates.decode
    assert key not in measurements._learnt.rates


@pytest.mark.parametrize("engine", ["llama_cpp", "onnx"])
def test_one_engine_alone_when_the_user_says_so(tmp_path: Path, engine: str) -> None:
    machine = surveyed(Config(state_dir=tmp_path, engine=engine), BOARDS / "jetson-orin-nano-8gb" / "tree")
    assert {backend.engine for backend in machine.backends} == {engine}
    assert list(machine.missing.values()) == [f"the setting `engine` is {engine}"]


def test_a_provider_that_onnx_runtime_does_not_have_is_named(tmp_path: Path) -> None:
    own_profile('"onnx:cpu"]', '"onnx:npu", "onnx:cpu"]', name="raspberry-pi-5")
    config = Config(state_dir=tmp_path, profile="raspberry-pi-5")
    surveyor = Surveyor(config, Measurements(tmp_path / "measurements.json"), {})
    machine = asyncio.run(surveyor.survey(measure=False, engines={"onnx"}))
    assert "ONNX Runtime cannot compute on npu here." in machine.notes
    assert [backend.provider for backend in machine.backends] == ["cpu", "cpu"]


def test_onnxruntime_genai_goes_where_onnx_runtime_goes_once_a_model_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(state_dir=tmp_path)
    asyncio.run(know_speed(config, 1e9))
    surveyor = Surveyor(config, Measurements(config.state_dir / "measurements.json"), {})
    machine = asyncio.run(surveyor.survey(engines={"llama_cpp", "genai"}))
    onnx, genai = (backend for backend in machine.backends if backend.engine in {"onnx", "genai"})
    assert (genai.engine, genai.provider, genai.rates.decode) == ("genai", onnx.provider, onnx.rates.decode)
    monkeypatch.setitem(sys.modules, "onnxruntime_genai", None)
    without = asyncio.run(surveyor.survey(engines={"llama_cpp", "genai"}))
    assert "genai" not in {backend.engine for backend in without.backends}
    assert without.missing["genai"] in without.notes


def test_an_accelerator_that_only_a_plug_in_reaches_is_looked_for_when_a_model_may_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_profile('"onnx:cpu"]', '"onnx:cpu", "genai:openvino"]', name="mine")
    asked: list[Path] = []

    async def find(place: Path, *_rest: object) -> list[Provider]:
        asked.append(place)
        return [Provider("openvino")]

    monkeypatch.setattr(onnx_providers, "find", find)
    config = Config(state_dir=tmp_path, profile="mine")
    asyncio.run(know_speed(config, 1e9))
    surveyor = Surveyor(config, Measurements(tmp_path / "measurements.json"), {})
    plain = asyncio.run(surveyor.survey(engines={"llama_cpp"}))
    assert asked == []
    assert "genai" not in {backend.engine for backend in plain.backends}
    wanted = asyncio.run(surveyor.survey(engines={"llama_cpp", "onnx"}))
    assert asked == [tmp_path]
    assert [backend.provider for backend in wanted.backends if backend.engine == "genai"] == ["openvino"]


def test_no_recorded_board_has_plug_ins(tmp_path: Path) -> None:
    machine = surveyed(Config(state_dir=tmp_path), BOARDS / "core-ultra-laptop" / "tree")
    assert machine.profile.engines.order[-1] == "genai:openvino"
    assert {backend.provider for backend in machine.backends} == {"cpu"}
