"""Models, machines and offers in few words; shapes and memory are computed by the real functions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from agent.catalog import File, Model, Published, Quality
from agent.models import InstalledModel, ModelStore
from agent.models.installed import write_model
from agent.profiles import Number, Profile, built_in, load_profiles
from agent.selection import Backend, Considered, Machine, Offer, Policy, Selection
from agent.selection.outcome import Budget
from agent.shape import Attention, Shape
from agent.shape.published import shape_from
from agent.speed import Rates, expected

MIB, GIB = 2**20, 2**30
BITS = {"Q8_0": 8.5, "Q6_K": 6.6, "Q5_K_M": 5.7, "Q4_K_M": 4.9, "Q4_0": 4.6}
CHAT = Policy()
_GENERIC = next(profile for profile in load_profiles(built_in()) if profile.name == "generic-arm64")


def number(value: float) -> Number:
    return Number(value=value, source="a test")


def profile(*, least: float = 5.0, wait: float = 30.0, context: int = 4096, parallel: int = 4) -> Profile:
    """A profile that wants these speeds and plans like this; the rest is ordinary."""
    defaults = replace(
        _GENERIC.defaults,
        context=number(context),
        parallel=number(parallel),
        micro_batch=number(512),
        prompt_cache=number(256),
        kv_type="f16",
    )
    speed = replace(_GENERIC.speed, least_decode=number(least), longest_wait=number(wait))
    quantization = replace(_GENERIC.quantization, prefer=[*BITS], avoid=["Q2_K"])
    return replace(
        _GENERIC, name="a-board", defaults=defaults, speed=speed, quantization=quantization, tested=True, note=""
    )


def backend(
    usable: int = 8 * GIB, *, bandwidth: float = 20e9, matrix: float = 200e9, provider: str = "cpu", reserve: int = 0
) -> Backend:
    """An engine that reads weights with this bandwidth and can use this memory."""
    budget = Budget(usable + reserve, reserve, usable)
    return Backend("llama_cpp", provider, expected("a test", bandwidth, matrix), budget)


def machine(*backends: Backend, board: Profile | None = None, disk: int | None = 1000 * GIB, quota: int = 0) -> Machine:
    """A board with these backends; without any, with an ordinary one."""
    return Machine(
        board="a board with 4 cores",
        profile=board or profile(),
        features=("asimd", "asimddp"),
        threads=4,
        disk_free=disk,
        quota=quota,
        backends=backends or (backend(),),
    )


def rejected(selection: Selection, name: str) -> Considered:
    """What was found about a model that was not chosen."""
    return next(entry for entry in selection.rejected if entry.model == name)


def published(billions: float = 1.0, *, context: int = 32768) -> Published:
    """A dense model of so many parameters."""
    parameters = round(billions * 1e9)
    layers = max(4, round(16 * billions**0.5))
    width = max(256, round((parameters / layers / 12) ** 0.5 / 256) * 256)  # whole blocks of all types
    heads = width // 64
    return Published(
        architecture="llama",
        parameters=parameters,
        active=parameters,
        layers=layers,
        embedding=width,
        feed_forward=3 * width,
        vocabulary=32000,
        context=context,
        tied=True,
        attention=[Attention(layers, heads, max(1, heads // 4), 64, 64)],
    )


def model(name: str = "a-model", billions: float = 1.0, quality: float = 50.0, **fields: Any) -> Model:  # noqa: ANN401 - of Model
    """A model for chat that never thinks; `estimated` and `mode` go to its quality."""
    score = Quality(quality, "a test", fields.pop("estimated", False), fields.pop("mode", "answer"))
    context = fields.pop("context", 32768)
    ordinary: dict[str, Any] = {
        "title": name.replace("-", " ").title(), "released": "2026-01-01", "licence": "MIT", "use": ["chat"],
        "thinking": "never", "files": [], "shape": published(billions, context=context),
    }  # fmt: skip
    return Model(name=name, quality=score, **(ordinary | fields))


def offer(of: Model | None = None, quantization: str = "Q4_K_M", **fields: Any) -> Offer:  # noqa: ANN401 - of Offer
    """A file of a model, as large as its quantization makes it."""
    of = of or model()
    trained = fields.pop("trained", False)
    size = round(of.shape.parameters * BITS.get(quantization, 4.5) / 8) if of.shape else 1000
    file = File(f"hf:acme/{of.name}/{of.name}-{quantization}.gguf", quantization, size, trained=trained)
    return Offer(of, file, shape_from(of.shape, file) if of.shape else None, **fields)


def place(store: ModelStore, file: Path, name: str, source: str) -> None:
    """Have a file count as installed without copying it."""
    directory = store.root / name
    directory.mkdir(parents=True)
    (directory / file.name).symlink_to(file)
    write_model(directory, InstalledModel(name, file.name, file.stat().st_size, "", source, "", "llama", "Q4_1", 1, 1))


def shape(billions: float = 1.0, quantization: str = "Q4_K_M", *, context: int = 32768) -> Shape:
    found = offer(model(billions=billions, context=context), quantization).shape
    assert found is not None
    return found


def measured() -> Rates:
    """Rates of a real measurement, rounded: kernels differ, and operations cost something."""
    return Rates(
        source="measured",
        measured=True,
        decode={"Q4_K": 28e9, "Q6_K": 32e9, "Q8_0": 33e9, "F32": 20e9},
        prefill={"Q4_K": 130e9, "Q6_K": 204e9, "Q8_0": 79e9, "F32": 50e9},
        rows={"Q4_K": 0.0, "Q6_K": 4e-9, "Q8_0": 4e-9},
        attention_decode={"f16": 6.5e9, "q8_0": 6.5e9},
        attention_prefill={"f16": 40e9, "q8_0": 8e9},
        experts_decode=1.0,
        experts_prefill=1.0,
        operation=7.7e-6,
        multiplication=9e-6,
    )


@st.composite
def offers(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[Offer]:
    """Some models of all sizes and kinds, each in some quantizations."""
    found: list[Offer] = []
    for index in range(draw(st.integers(1, 6))):
        mode = draw(st.sampled_from(["answer", "thinking"]))
        of = model(
            f"model-{index}",
            draw(st.sampled_from([0.1, 0.3, 0.6, 1.0, 1.7, 3.0, 8.0, 14.0, 30.0])),
            draw(st.integers(5, 90)),
            estimated=draw(st.booleans()),
            mode=mode,
            thinking=draw(st.sampled_from(["never", "always", "off", "on"])),
            restrictions=draw(st.sampled_from(["", "", "No commercial use."])),
            use=draw(st.sampled_from([["chat"], ["chat"], ["code"], ["chat", "math"], []])),
            context=draw(st.sampled_from([2048, 8192, 32768])),
        )
        quantizations = draw(st.lists(st.sampled_from([*BITS, "Q2_K"]), min_size=1, max_size=4, unique=True))
        found += [offer(of, quantization) for quantization in quantizations]
    return found


budgets = st.integers(50 * MIB, 30 * GIB)
policies = st.builds(
    Policy,
    use=st.sampled_from(["chat", "code", "math"]),
    prefer=st.sampled_from(["quality", "balanced", "speed"]),
    licences=st.sampled_from(["free", "any"]),
    least_decode=st.sampled_from([0.0, 0.5, 20.0]),
    context=st.sampled_from([0, 0, 512, 8192, 16384]),
    parallel=st.sampled_from([0, 0, 1, 7]),
    micro_batch=st.sampled_from([0, 0, 32, 1024]),
    prompt_cache=st.sampled_from([-1, -1, 0, 100]),
)
