"""Choosing for one computer: what makes a choice stay, what makes it change, and broken files that do not matter."""

import asyncio
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

import agent.selection
from agent.chooser import Chooser
from agent.config import Config
from agent.duels import Duel, Side
from agent.errors import ConfigError
from agent.inference.frames import Timings
from agent.inference.set_aside import SetAside, identify
from agent.measurements import Measurements
from agent.models import ModelStore
from agent.selection import Considered, Selection
from agent.survey import build
from tests.selecting import Entry, write_family
from tests.selection.making import place

BOARDS = Path(__file__).parent / "boards"
SMALL, LARGE = "qwen3.5-2b", "qwen3-30b-a3b-instruct-2507"  # what a Raspberry Pi 5 with little and much memory runs


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A Raspberry Pi 5 with 16 GB whose files may be changed."""
    shutil.copytree(BOARDS / "raspberry-pi-5-16gb" / "tree", tmp_path / "tree")
    return tmp_path / "tree"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(state_dir=tmp_path / "state")


def chooser(config: Config, tree: Path) -> Chooser:
    """Return a chooser as after a start: with all that was written, and nothing else."""
    state = config.state_dir
    return Chooser(
        config,
        ModelStore(config.models_dir),
        SetAside(state / "set-aside.json"),
        Measurements(state / "measurements.json"),
        {},
        tree,
    )


def choose(config: Config, tree: Path, *, remember: bool = True) -> Selection:
    return asyncio.run(chooser(config, tree).choose(remember=remember))


def set_available(tree: Path, gib: float) -> None:
    """Let the board have so much free memory."""
    meminfo = tree / "proc" / "meminfo"
    lines = meminfo.read_text().splitlines()
    lines = [f"MemAvailable: {round(gib * 2**20)} kB" if line.startswith("MemAvailable") else line for line in lines]
    meminfo.write_text("\n".join(lines) + "\n")


def with_starter(config: Config, starter: Path) -> Path:
    """Install the starter model, and return its file."""
    store = ModelStore(config.models_dir)
    return store.path(asyncio.run(store.pull(str(starter), config.sources(), name="mine")))


def entry_of(selection: Selection, installed: str) -> Considered:
    return next(entry for entry in (selection, *selection.rejected) if entry.installed == installed)


@pytest.fixture
def faithful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is so much better that a choice is given up for it: the boards have no two choices that near."""
    monkeypatch.setattr(agent.selection, "_MUCH_BETTER", 100.0)


@pytest.mark.usefixtures("faithful")
def test_a_choice_outlives_a_start_with_more_memory_or_less(config: Config, tree: Path) -> None:
    set_available(tree, 6)
    assert choose(config, tree).model == SMALL
    set_available(tree, 14)
    assert choose(config, tree).model == SMALL
    assert "chosen before" in choose(config, tree).reason


def test_a_much_better_choice_is_taken_when_memory_for_it_is_there(config: Config, tree: Path) -> None:
    set_available(tree, 6)
    assert choose(config, tree).model == SMALL
    set_available(tree, 14)
    assert choose(config, tree).model == LARGE


def test_a_choice_that_does_not_fit_any_more_is_made_anew(config: Config, tree: Path) -> None:
    assert choose(config, tree).model == LARGE
    set_available(tree, 6)
    assert choose(config, tree).model == SMALL


@pytest.mark.parametrize(
    "change", [{"prefer": "quality"}, {"least_speed": 4.0}, {"profile": "raspberry-pi-cm5"}, {"threads": 3}]
)
@pytest.mark.usefixtures("faithful")
def test_other_settings_make_another_choice_possible(config: Config, tree: Path, change: dict[str, object]) -> None:
    set_available(tree, 6)
    choose(config, tree)
    set_available(tree, 14)
    assert "chosen before" not in choose(replace(config, **change), tree).reason


@pytest.mark.usefixtures("faithful")
def test_another_board_makes_another_choice_possible(config: Config, tree: Path) -> None:
    set_available(tree, 6)
    choose(config, tree)
    set_available(tree, 14)
    model = tree / "proc" / "device-tree" / "model"
    model.write_text("Raspberry Pi 5 Model B Rev 9.9\0")
    assert choose(config, tree).model == LARGE


def test_another_catalogue_makes_another_choice(config: Config, tree: Path) -> None:
    choose(config, tree)
    write_family(Path.home(), Entry("mine", "hf:me/it/mine-Q4_0.gguf", 500_000_000))
    assert choose(config, tree).model == "mine"


def test_a_family_file_with_one_model_adds_it(config: Config, tree: Path) -> None:
    write_family(Path.home(), Entry("mine", "hf:me/it/mine-Q4_0.gguf", 500_000_000, quality=1.0))
    selection = choose(config, tree)
    assert selection.model == LARGE
    assert [entry.verdict for entry in selection.rejected if entry.model == "mine"] == ["possible"]


def test_a_broken_family_file_is_an_error_that_names_it(config: Config, tree: Path) -> None:
    folder = Path.home() / ".config" / "edgewise" / "families"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("title = [")
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        choose(config, tree)


def test_looking_leaves_nothing_behind(config: Config, tree: Path) -> None:
    choose(config, tree, remember=False)
    assert not config.state_dir.exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"circumstances": 1}'])
def test_a_broken_record_of_the_last_choice_is_forgotten(config: Config, tree: Path, content: bytes) -> None:
    config.state_dir.mkdir()
    (config.state_dir / "decision.json").write_bytes(content)
    assert choose(config, tree).model == LARGE
    assert choose(config, tree).model == LARGE


def test_on_a_full_disk_the_choice_is_made_at_each_start(
    config: Config, tree: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config.state_dir.mkdir()
    (config.state_dir / "decision.json.new").symlink_to("/dev/full")
    assert choose(config, tree).model == LARGE
    assert "cannot be written" in caplog.text


def test_where_nothing_can_be_written_the_choice_is_made_at_each_start(tmp_path: Path, tree: Path) -> None:
    (tmp_path / "state").write_text("a file")
    assert choose(Config(state_dir=tmp_path / "state"), tree).model == LARGE


def test_a_computer_without_any_engine_gets_a_reason_and_no_model(config: Config, tree: Path) -> None:
    folder = Path.home() / ".config" / "edgewise" / "firmware-profiles"
    folder.mkdir(parents=True)
    text = (Path(__file__).parents[1] / "firmware-profiles" / "raspberry-pi-5.toml").read_text(encoding="utf-8")
    text = text.replace('"llama_cpp:cpu", "onnx:cpu"', '"rkllm:rknn"')
    (folder / "raspberry-pi-5.toml").write_text(text, encoding="utf-8")
    selection = choose(config, tree)
    assert selection.model == ""
    assert selection.notes[0] == "Edgewise has no engine rkllm for rknn yet."
    assert not (config.state_dir / "decision.json").exists()


def test_speed_in_use_is_learnt_for_its_number_of_threads(config: Config, tree: Path, starter: Path) -> None:
    with_starter(config, starter)
    first = chooser(config, tree)
    (candidate,) = first.candidates(asyncio.run(first.choose()))
    first.learn(candidate, Timings(prompt=128, cached=0, completion=65, queued=0.0, prefill=2.0, decode=3.2))
    seen = entry_of(choose(config, tree), "mine")
    assert seen.measured
    assert seen.predicted is not None
    assert [seen.predicted.prefill, seen.predicted.decode] == pytest.approx([64.0, 20.0])
    assert not entry_of(choose(replace(config, threads=1), tree), "mine").measured


def test_a_model_that_was_set_aside_is_out_of_the_question_with_its_reason(
    config: Config, tree: Path, starter: Path
) -> None:
    path = with_starter(config, starter)
    SetAside(config.state_dir / "set-aside.json").add(identify(path), build("llama_cpp"), "it crashed.", aside=True)
    entry = entry_of(choose(config, tree), "mine")
    assert entry.verdict == "unsuitable"
    assert "was tried here: it crashed." in entry.reason


def test_a_file_that_vanishes_while_choosing_is_no_crash(
    config: Config, tree: Path, starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_starter(config, starter)
    listing = ModelStore(config.models_dir).installed()
    monkeypatch.setattr(ModelStore, "installed", lambda _: listing)
    path.unlink()
    selection = choose(config, tree)
    assert selection.model == LARGE
    assert "mine" not in {entry.installed for entry in selection.rejected}


@pytest.mark.parametrize("board", sorted(path.name for path in BOARDS.iterdir()))
def test_on_every_board_the_starter_can_serve_when_nothing_else_is_there(
    board: str, tmp_path: Path, starter: Path
) -> None:
    config = Config(state_dir=tmp_path)
    place(ModelStore(config.models_dir), starter, "mine", "starter")
    there = chooser(config, BOARDS / board / "tree")
    selection = asyncio.run(there.choose())
    (candidate, *_) = there.candidates(selection)
    assert candidate.name == "mine"
    assert entry_of(selection, "mine").verdict in {"chosen", "possible"}


def with_twin(config: Config, twin: Path, name: str = "twin") -> Path:
    """Install the starter model for ONNX Runtime, and return its graph."""
    store = ModelStore(config.models_dir)
    return store.path(asyncio.run(store.pull(str(twin), config.sources(), name=name)))


@pytest.mark.parametrize("graph", ["", "model.onnx", "genai_config.json"])
def test_a_folder_of_an_onnx_model_may_be_configured(config: Config, tree: Path, twin: Path, graph: str) -> None:
    ours = chooser(replace(config, model=str(twin / graph)), tree)
    assert ours.named() == ("twin", twin / graph)
    candidate, *_ = ours.candidates(asyncio.run(ours.choose()))
    assert (candidate.name, candidate.engine, candidate.path) == ("twin", "onnx", twin / graph)
    assert candidate.build == build("onnx")


def test_an_installed_onnx_model_is_run_by_its_engine_and_set_aside_for_its_build(
    config: Config, tree: Path, twin: Path
) -> None:
    graph = with_twin(config, twin)
    ours = chooser(config, tree)
    (candidate,) = ours.candidates(asyncio.run(ours.choose()))
    assert (candidate.engine, candidate.path, candidate.plan.provider) == ("onnx", graph, "cpu")
    ours.set_aside.add(identify(graph), build("llama_cpp"), "another engine", aside=True)
    assert entry_of(choose(config, tree), "twin").verdict == "possible"
    ours.set_aside.add(identify(graph), build("onnx"), "the engine has crashed.", aside=True)
    assert entry_of(choose(config, tree), "twin").reason == "was tried here: the engine has crashed."


def test_the_engine_that_the_user_wants_rules_the_other_out(
    config: Config, tree: Path, starter: Path, twin: Path
) -> None:
    with_starter(config, starter)
    with_twin(config, twin)
    for engine, name in (("onnx", "twin"), ("llama_cpp", "mine")):
        ours = chooser(replace(config, engine=engine), tree)
        selection = asyncio.run(ours.choose())
        assert [candidate.name for candidate in ours.candidates(selection)] == [name]
        assert selection.engine == engine


def test_the_winner_of_a_duel_is_run_before_the_loser(config: Config, tree: Path, starter: Path, twin: Path) -> None:
    gguf, graph = with_starter(config, starter), with_twin(config, twin)
    description = graph.parent / "model.json"
    source = str(twin)
    assert source in description.read_text()
    description.write_text(description.read_text().replace(source, str(gguf)))  # as what converts models writes it
    ours = chooser(config, tree)
    before = ours.candidates(asyncio.run(ours.choose()))
    sides = [
        Side(one.name, identify(one.path), one.engine, one.build, one.plan.provider, 1.0, 1.0, 1.0) for one in before
    ]
    for loser, winner in (sides, sides[::-1]):
        seen = ours.state()
        ours.duels.keep(Duel("2026-11-22T10:00", before[0].plan.threads, 4, 8, loser, winner, 0.8, 0.7, 0.9))
        assert ours.state() != seen
        after = ours.candidates(asyncio.run(ours.choose()))
        assert [one.name for one in after] == [winner.name, loser.name]


def test_what_only_onnxruntime_genai_runs_is_run_by_it(config: Config, tree: Path, onnx_zoo: Path) -> None:
    hybrid = chooser(replace(config, model=str(onnx_zoo / "lfm2")), tree)
    assert [one.engine for one in hybrid.candidates(asyncio.run(hybrid.choose()))][:1] == ["genai"]
    wanted = chooser(replace(config, model=str(onnx_zoo / "qwen3"), engine="genai"), tree)
    (candidate,) = wanted.candidates(asyncio.run(wanted.choose()))
    assert (candidate.engine, candidate.build) == ("genai", build("genai"))
