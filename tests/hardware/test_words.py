"""A computer in one line."""

import pytest
from msgspec.structs import replace

from agent.hardware.facts import Board, Cluster, Cpu, Hardware, Memory, Storage, Thermal
from agent.hardware.words import cores, describe

GIB = 2**30
PI = Hardware(
    board=Board("Raspberry Pi 5 Model B Rev 1.0", "", [], "", "", "", "", container=False),
    cpu=Cpu("aarch64", "Cortex-A76", ["asimd", "asimddp"], [Cluster(4, "Cortex-A76", 2400, 0)], 1, 0, 0, None),
    memory=Memory(8 * GIB, 7 * GIB, None, 0, 0, 0, None, 0),
    accelerators=[],
    thermal=Thermal([], [], [], ""),
    storage=Storage("", "", 0, 0, 0),
)


def with_clusters(*clusters: Cluster, features: tuple[str, ...] = ()) -> Hardware:
    return replace(PI, cpu=replace(PI.cpu, clusters=list(clusters), features=list(features)))


def test_a_board_is_its_name_its_cores_and_its_memory() -> None:
    assert describe(PI) == "Raspberry Pi 5 Model B Rev 1.0, 4 x Cortex-A76 at 2.4 GHz with dot product, 8.0 GiB"


def test_a_board_without_a_name_is_called_after_its_processor() -> None:
    nameless = replace(PI, board=replace(PI.board, model=""))
    assert describe(nameless).startswith("Cortex-A76, ")


def test_a_computer_of_which_nothing_is_known_is_called_unknown() -> None:
    blank = replace(with_clusters(), board=replace(PI.board, model=""))
    assert describe(replace(blank, cpu=replace(blank.cpu, model=""))) == "unknown computer, 8.0 GiB"


def test_a_container_is_named_and_its_limit_too() -> None:
    inside = replace(PI, board=replace(PI.board, container=True), memory=replace(PI.memory, limit=2 * GIB))
    assert "(container)" in describe(inside)
    assert describe(inside).endswith("2.0 GiB allowed of 8.0 GiB")


def test_fast_and_slow_cores_are_told_apart() -> None:
    mixed = with_clusters(Cluster(4, "Cortex-A76", 2400, 0), Cluster(4, "Cortex-A55", 1800, 0))
    assert cores(mixed) == "4 x Cortex-A76 at 2.4 GHz + 4 x Cortex-A55 at 1.8 GHz"


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (Cluster(2, "", 0, 0), "2 cores"),
        (Cluster(1, "", 0, 0), "1 core"),
        (Cluster(4, "", 3400, 0), "4 cores at 3.4 GHz"),
        (Cluster(1, "Cortex-A53", 0, 0), "1 x Cortex-A53"),
    ],
)
def test_what_is_not_known_of_cores_is_left_out(cluster: Cluster, words: str) -> None:
    assert cores(with_clusters(cluster)) == words


@pytest.mark.parametrize(
    ("features", "words"),
    [(("avx2", "avx512f", "avx512_vnni"), "AVX-512 VNNI"), (("avx2",), "AVX2"), (("asimd", "asimddp", "i8mm"), "int8")],
)
def test_the_strongest_instructions_are_named(features: tuple[str, ...], words: str) -> None:
    assert f" with {words}" in cores(with_clusters(Cluster(4, "", 0, 0), features=features))
