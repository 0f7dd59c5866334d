"""Firmware profiles: what is wrong in one is said with its line, and the best one that fits is taken."""

from pathlib import Path

import msgspec
import pytest

from agent.engines.onnx.names import library_name
from agent.errors import ConfigError
from agent.hardware.facts import Accelerator, Board, Cluster, Cpu, Hardware, Memory, Storage, Thermal
from agent.profiles import Match, Number, Profile, built_in, load_profiles, match, matches

GIB = 2**30
ARM, X86 = "aarch64", "x86_64"
AVX2 = ("avx", "f16c", "fma", "avx2")
AVX512 = (*AVX2, "avx512f", "avx512bw")
PROFILES = {profile.name: profile for profile in load_profiles(built_in())}
NAMES = sorted(PROFILES)
TEXT = (built_in() / "raspberry-pi-5.toml").read_text(encoding="utf-8")
# No wheel of ONNX Runtime, or one that ends with an illegal instruction where there is no AVX.
WITHOUT_ONNX = {"generic-armv7", "jetson-nano", "x86-sse"}
CATALOGUE = {
    "Q4_0", "Q4_1", "Q4_K_S", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "IQ4_NL", "IQ4_XS", "MXFP4", "MXFP4_MOE",
    "UD-Q4_K_M", "UD-Q4_K_XL",
}  # fmt: skip


def computer(
    architecture: str, *compatible: str, model: str = "", cpu: str = "", features: tuple[str, ...] = ()
) -> Hardware:
    return Hardware(
        board=Board(model, "", list(compatible), "", "", "", "", container=False),
        cpu=Cpu(architecture, cpu, list(features), [Cluster(4, "", 0, 0)], 1, 0, 0, None),
        memory=Memory(4 * GIB, 3 * GIB, None, 0, 0, 0, None, 0),
        accelerators=[],
        thermal=Thermal([], [], [], ""),
        storage=Storage("", "", 0, 0, 0),
    )


def with_accelerators(hardware: Hardware, *accelerators: Accelerator) -> Hardware:
    return msgspec.structs.replace(hardware, accelerators=list(accelerators))


def card(provider: str, name: str, vendor: str = "nvidia") -> Accelerator:
    return Accelerator("gpu", vendor, name, "", 0, provider, "")


def profile(name: str, rank: int, wanted: Match) -> Profile:
    return msgspec.structs.replace(PROFILES["generic-arm64"], name=name, rank=rank, match=wanted)


def chosen(hardware: Hardware) -> str:
    return match(hardware, list(PROFILES.values())).name


def changed(folder: Path, old: str, new: str) -> Path:
    assert TEXT.count(old) >= 1
    (folder / "mine.toml").write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return folder


def test_every_profile_is_named_after_its_file() -> None:
    assert sorted(path.stem for path in built_in().glob("*.toml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_is_complete(name: str) -> None:
    loaded = PROFILES[name]
    assert loaded.title
    assert loaded.match != Match()
    order = [name for name in loaded.engines.order if not name.startswith("genai:")]
    assert loaded.engines.order[: len(order)] == order, "what was never tried comes last"
    processors = [name for name in order if name.endswith(":cpu")]
    assert processors == order[-len(processors) :]
    assert processors == (["llama_cpp:cpu"] if name in WITHOUT_ONNX else ["llama_cpp:cpu", "onnx:cpu"])
    plugged = [name.partition(":")[2] for name in loaded.engines.order[len(order) :]]
    assert all(library_name(provider) != f"{provider}ExecutionProvider" for provider in plugged), "it has another name"
    assert (loaded.speed.cpu_bandwidth is None) == (loaded.engines.order[0] == "llama_cpp:cpu")
    assert (loaded.speed.cpu_matrix is None) == (loaded.engines.order[0] == "llama_cpp:cpu")
    assert loaded.thermal.warm.value < loaded.thermal.throttles.value
    assert not set(loaded.quantization.prefer) & set(loaded.quantization.avoid)
    assert set(loaded.quantization.prefer) | set(loaded.quantization.avoid) >= CATALOGUE


@pytest.mark.parametrize("name", NAMES)
def test_only_what_was_measured_is_called_tested_and_sources_say_how_they_know(name: str) -> None:
    loaded = PROFILES[name]
    speeds = [number for field in loaded.speed.__struct_fields__ if (number := getattr(loaded.speed, field))]
    assert all(isinstance(number, Number) for number in speeds)
    assert loaded.tested == any(number.tested for number in speeds)
    assert all(number.source.startswith("measured: ") for number in speeds if number.tested)
    for number in (loaded.speed.bandwidth, loaded.speed.matrix):
        assert number.source.startswith(("measured: ", "derived: ", "estimate: "))


def test_the_profile_in_the_documentation_is_a_profile(tmp_path: Path) -> None:
    page = (built_in().parent / "docs" / "add-a-board.md").read_text(encoding="utf-8")
    block = next(block for block in page.split("```toml\n") if block.startswith("title = ")).partition("```")[0]
    (tmp_path / "le-potato.toml").write_text(block, encoding="utf-8")
    board = computer(ARM, "libretech,aml-s905x-cc", "amlogic,s905x", "amlogic,meson-gxl")
    assert match(board, load_profiles(built_in(), tmp_path)).name == "le-potato"


def test_titles_are_unique() -> None:
    assert len({loaded.title for loaded in PROFILES.values()}) == len(PROFILES)


@pytest.mark.parametrize(
    ("hardware", "name"),
    [
        (computer(ARM), "generic-arm64"),
        (computer("armv7l"), "generic-armv7"),
        (computer("armv7l", "raspberrypi,4-model-b", "brcm,bcm2711"), "generic-armv7"),  # a 32-bit system on it
        (computer(X86), "x86-sse"),
        (computer(X86, features=AVX2), "generic-x86"),
        (computer(X86, features=AVX512), "x86-avx512"),
        (computer(X86, cpu="Intel Core i3-N305", features=AVX2), "intel-n100"),
        (computer(X86, cpu="Intel Processor N97", features=AVX2), "intel-n100"),
        (computer(X86, cpu="Intel Core i7-1260P", features=AVX2), "generic-x86"),
        (computer(X86, cpu="Intel Core Ultra 7 155H", features=AVX2), "intel-core-ultra"),
        (computer(X86, cpu="AMD Ryzen 7 7840U w/ Radeon 780M Graphics", features=AVX512), "amd-ryzen-ai"),
        (computer(X86, cpu="AMD Ryzen 9 7945HX", features=AVX512), "x86-avx512"),  # no NPU
        (computer(ARM, "raspberrypi,500", "brcm,bcm2712"), "raspberry-pi-5"),
        (computer(ARM, "raspberrypi,4-compute-module", "brcm,bcm2711"), "raspberry-pi-cm4"),
        (computer(ARM, "raspberrypi,5-compute-module", "brcm,bcm2712"), "raspberry-pi-cm5"),
        (computer(ARM, "flipper,one-rev-f0b0c1", "rockchip,rk3576"), "rk3576"),
        (computer(ARM, "qcom,qcm6490-addons-idp", "qcom,sc7280"), "qualcomm-qcs6490"),
        (computer(ARM, "qcom,x1e001de-devkit", "qcom,x1e001de", "qcom,x1e80100"), "qualcomm-x-elite"),
        (computer(ARM, "nvidia,p4071-0000+p3834-0008", "nvidia,p3834-0008", "nvidia,tegra264"), "jetson-thor"),
        (computer(ARM, "nvidia,p3768-0000+p3767-0000", "nvidia,p3767-0000", "nvidia,tegra234"), "jetson-orin-nx"),
        (computer(ARM, "nvidia,p3737-0000+p3701-0000", "nvidia,tegra234", "nvidia,tegra23x"), "jetson-agx-orin"),
        (computer(ARM, "maker,carrier-board", "nvidia,tegra234"), "jetson-orin-nano"),  # the weakest of its kind
        (computer(ARM, model="Radxa Orion O6", features=("asimd", "i8mm", "sve2")), "cix-p1"),
    ],
)
def test_computers_that_are_not_recorded_get_their_profile(hardware: Hardware, name: str) -> None:
    assert chosen(hardware) == name


def test_a_graphics_card_counts_when_its_driver_is_there() -> None:
    desktop = computer(X86, features=AVX2)
    assert chosen(with_accelerators(desktop, card("cuda", "NVIDIA GeForce RTX 3060"))) == "nvidia-discrete"
    assert chosen(with_accelerators(desktop, card("", "NVIDIA GPU (10de:2504)"))) == "generic-x86"


def test_a_computer_that_nothing_fits_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        chosen(computer("armv6l", model="Raspberry Pi Zero W Rev 1.1", cpu="ARM1176"))
    text = "No firmware profile fits this computer: Raspberry Pi Zero W Rev 1.1, armv6l, ARM1176, 4.0 GiB."
    assert caught.value.message == text


@pytest.mark.parametrize(
    "wrong",
    [
        {"compatible": ["maker"]},
        {"model": "^board"},
        {"cpu": "a72"},
        {"architecture": "armv7l"},
        {"features": ["asimddp", "sve"]},
        {"accelerator": "hailo"},
        {"accelerator_name": "big"},  # there is one, but it is not Rockchip's
        {"memory_gib": (8, 16)},
    ],
    ids=str,
)
def test_every_key_that_is_given_must_hold(wrong: dict[str, object]) -> None:
    bare = computer(ARM, "maker,board", "maker,chip", model="Some Board", cpu="Cortex-A76", features=("asimddp",))
    hardware = with_accelerators(bare, card("cuda", "Big GPU"), card("rknn", "Small NPU", "rockchip"))
    fits = Match(
        compatible=["other,chip", "maker,chip"],
        model="some",
        cpu="a7[68]",
        architecture=ARM,
        features=["asimddp"],
        accelerator="rockchip",
        accelerator_name="npu",
        memory_gib=(4, 8),
    )
    assert matches(profile("x", 1, fits), hardware)
    assert not matches(profile("x", 1, msgspec.structs.replace(fits, **wrong)), hardware)


def test_the_highest_rank_is_taken_and_of_equals_the_first_by_name() -> None:
    anything = Match(architecture=ARM)
    profiles = [profile("c", 1, anything), profile("b", 2, anything), profile("a", 2, anything)]
    assert match(computer(ARM), profiles).name == "a"


def test_a_later_directory_replaces_profiles_and_adds_new_ones(tmp_path: Path) -> None:
    text = TEXT.replace("Raspberry Pi 5", "My Pi", 1)
    (tmp_path / "raspberry-pi-5.toml").write_text(text, encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    loaded = {profile.name: profile for profile in load_profiles(built_in(), tmp_path, tmp_path / "not there")}
    assert loaded.keys() == PROFILES.keys() | {"mine"}
    assert loaded["raspberry-pi-5"].title == "My Pi"
    assert loaded["raspberry-pi-4"] == PROFILES["raspberry-pi-4"]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("micro_batch =", "micro_bacth =", "there is no key 'micro_bacth' in defaults."),
        ('kv_type = "f16"', 'kv_type = "f32"', "defaults.kv_type is wrong: invalid enum value 'f32'."),
        ('threads = "big"', 'threads = "most"', "defaults.threads is wrong: expected `str` matching regex"),
        (
            "bandwidth = { value = 10.2",
            "bandwidth = { value = -1",
            "speed.bandwidth.value is wrong: expected `float` >=",
        ),
        ('["llama_cpp:cpu", "onnx:cpu"]', '["llama_cpp"]', "engines.order[0] is wrong: expected `str` matching regex"),
        ("reserve = { value = 320, source", "reserve = { value = 320, sauce", "there is no key 'sauce' in reserve."),
        ("[defaults]", "[defaults]\nparalel = 1", "there is no key 'paralel' in defaults."),
    ],
    ids=lambda value: value.partition(" ")[0].strip("[]'\""),
)
def test_a_broken_profile_is_refused_with_its_line(tmp_path: Path, old: str, new: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_profiles(built_in(), changed(tmp_path, old, new))
    line = TEXT[: TEXT.index(old)].count("\n") + 1 + new.count("\n")
    assert caught.value.message.startswith(f"{tmp_path}/mine.toml, line {line}: {what}")


@pytest.mark.parametrize(
    ("old", "new", "table", "what"),
    [
        ("parallel = { value = 2", "parallel = { value = 0", "defaults", "parallel must be more than 0."),
        (
            'architecture = "aarch64"',
            'cpu = "A7(6"',
            "match",
            "cpu is not a regular expression: missing ), unterminated",
        ),
    ],
    ids=["number", "pattern"],
)
def test_a_wrong_value_that_only_its_table_knows_is_refused_with_the_line_of_the_table(
    tmp_path: Path, old: str, new: str, table: str, what: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_profiles(changed(tmp_path, old, new))
    line = TEXT[: TEXT.index(f"[{table}]")].count("\n") + 1
    assert caught.value.message.startswith(f"{tmp_path}/mine.toml, line {line}: {table} is wrong: {what}")
