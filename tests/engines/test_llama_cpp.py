"""The llama.cpp engine: loading, damaged files, memory."""

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.engines import LoadOptions, Sampling, SequenceRequest, create
from agent.errors import RequestError
from agent.plan import Plan
from tests.engines import damage
from tests.engines.driving import Loaded, advance, answer, running

MIB = 1 << 20
CHILD = """
import sys
from pathlib import Path
from agent.engines import LoadOptions, create
from agent.errors import EdgewiseError
from agent.plan import Plan
try:
    create("llama_cpp").load(LoadOptions(Path(sys.argv[1]), Plan(256, 1, 1, 64), True), lambda _fraction: None)
    print("loaded")
except EdgewiseError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """A place for a copy of a model; pytest would keep the large file."""
    path = tmp_path / "damaged.gguf"
    yield path
    path.unlink(missing_ok=True)


def load_elsewhere(path: Path) -> tuple[str, str]:
    """Load a file in a process of its own; returns how that ended and what it printed."""
    child = subprocess.run([sys.executable, "-c", CHILD, path], capture_output=True, text=True, check=False)
    how = signal.Signals(-child.returncode).name if child.returncode < 0 else str(child.returncode)
    return how, child.stdout


def resident() -> int:
    """Return the bytes of memory in use by this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_the_context_is_never_longer_than_the_model_was_trained_for(starter: Path) -> None:
    fractions: list[float] = []
    engine = create("llama_cpp")
    info = engine.load(LoadOptions(starter, Plan(1_000_000, 1, 1, 64), extra_buffers=False), fractions.append)
    engine.close()
    assert info.context == info.training_context == 8192
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_tells_what_the_model_file_says(llama_cpp: Loaded) -> None:
    info = llama_cpp.info
    assert (info.architecture, info.vocabulary, info.bos, info.eos) == ("llama", 49152, "<|im_start|>", "<|im_end|>")
    assert "<|im_start|>" in (info.chat_template or "")
    assert info.build.startswith("llama-cpp-python ")


def test_the_model_can_speak(llama_cpp: Loaded) -> None:
    chat = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
    result = answer(llama_cpp.engine, llama_cpp.request(chat), 30)
    assert "Paris" in result.data.decode()
    assert result.sampled[-1].end


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (damage.not_numbers, "EngineError The self-test of the model gave logits that are not numbers"),
        (damage.unknown_architecture, "ModelFileError llama.cpp cannot load"),
        (damage.cut, "ModelFileError llama.cpp cannot load"),
        (damage.no_model, "ModelFileError llama.cpp cannot load"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_refuses_a_damaged_file_with_a_reason(
    starter: Path, copy: Path, harm: Callable[[Path, Path], None], error: str
) -> None:
    harm(starter, copy)
    how, said = load_elsewhere(copy)
    assert how == "0"
    assert said.startswith(error)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    _, said = load_elsewhere(tmp_path / "absent.gguf")
    assert said.startswith("ModelFileError")
    assert "absent.gguf" in said


def test_memory_does_not_grow_with_the_number_of_requests(llama_cpp: Loaded) -> None:
    varied = [
        Sampling(seed=1),
        Sampling(grammar='root ::= "yes" | "no"'),
        Sampling(schema='{"type": "integer"}'),
        Sampling(logit_bias={5: 1.0}, top_logprobs=5, top_k=40, top_p=0.9, min_p=0.05),
    ]
    requests = [llama_cpp.request("Memory:", sampling) for sampling in varied]
    sizes = []
    for _ in range(13):
        with running(llama_cpp.engine, *requests) as slots:
            advance(llama_cpp.engine, slots, 2)
        sizes.append(resident())
    assert sizes[-1] - sizes[2] < 4 * MIB


def test_refused_requests_cost_no_memory(llama_cpp: Loaded) -> None:
    broken = llama_cpp.request("Memory:", Sampling(grammar='root ::= "a" ' * 2000 + '"'))
    sizes = []
    for _ in range(200):
        with pytest.raises(RequestError):
            llama_cpp.engine.start(broken)
        sizes.append(resident())
    assert sizes[-1] - sizes[20] < 4 * MIB


def test_long_prompts_beside_answers_fit_a_small_micro_batch(starter: Path) -> None:
    """Some decode while others prefill: all their tokens together once were more than the library was told of."""
    engine = create("llama_cpp")
    info = engine.load(LoadOptions(starter, Plan(256, 4, 1, 32), extra_buffers=True), lambda _fraction: None)
    ordinary = info.vocabulary // 2
    prompts = [[300 + (slot * 7919 + index * 31) % ordinary for index in range(100)] for slot in range(4)]
    with running(engine, *(SequenceRequest(prompt, Sampling(temperature=0)) for prompt in prompts)) as slots:
        answers = advance(engine, slots, 4)
    assert all(len(answer.sampled) >= 4 for answer in answers)
    engine.close()
