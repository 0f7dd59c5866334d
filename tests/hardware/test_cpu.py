import os
from pathlib import Path

import pytest

from agent.hardware import cpu
from agent.hardware.facts import Cluster
from agent.hardware.tree import Tree
from tests.hardware.planting import CPU, arm_cpuinfo, policy, raspberry_pi, tree, x86_cpuinfo

RK3588 = {
    "proc/cpuinfo": arm_cpuinfo([0xD05] * 4 + [0xD0B] * 4, features="fp asimd asimdhp asimddp"),
    f"{CPU}/online": "0-7\n",
    **policy(0, "0 1 2 3", 1_800_000),
    **policy(4, "4 5", 2_352_000),
    **policy(6, "6 7", 2_304_000),
}


def test_four_equal_cores_are_one_cluster(tmp_path: Path) -> None:
    found = cpu.find(tree(tmp_path, raspberry_pi()))
    assert found.clusters == [Cluster(4, "Cortex-A76", 2400, 0)]
    assert found.model == "Cortex-A76"
    assert found.architecture == "aarch64"
    assert found.features == ["asimd", "asimdhp", "asimddp"]
    assert (found.cores, found.big_cores, found.quota) == (4, 4, None)


def test_big_cores_come_first_and_clusters_binned_apart_belong_together(tmp_path: Path) -> None:
    found = cpu.find(tree(tmp_path, RK3588))
    assert found.clusters == [Cluster(4, "Cortex-A76", 2352, 0), Cluster(4, "Cortex-A55", 1800, 0)]
    assert found.model == "Cortex-A76 + Cortex-A55"


def test_cores_of_one_name_and_far_different_clocks_are_two_clusters(tmp_path: Path) -> None:
    files = {
        "proc/cpuinfo": arm_cpuinfo([0xD03] * 8),
        **policy(0, "0 1 2 3", 1_200_000),
        **policy(4, "4 5 6 7", 1_512_000),
    }
    assert [cluster.megahertz for cluster in cpu.find(tree(tmp_path, files)).clusters] == [1512, 1200]


def test_capacity_tells_more_than_the_clock(tmp_path: Path) -> None:
    files = {
        "proc/cpuinfo": arm_cpuinfo([0xD03] * 2 + [0xD09] * 2),
        **policy(0, "0 1", 1_896_000),
        **policy(2, "2 3", 1_800_000),
    }
    files |= {
        f"{CPU}/cpu{index}/cpu_capacity": capacity for index, capacity in enumerate(["592", "592", "1024", "1024"])
    }
    assert cpu.find(tree(tmp_path, files)).clusters[0] == Cluster(2, "Cortex-A73", 1800, 1024)


def test_without_capacity_small_cores_are_small_whatever_their_clock(tmp_path: Path) -> None:
    files = {
        "proc/cpuinfo": arm_cpuinfo([0xD03] * 2 + [0xD09] * 2),
        **policy(0, "0 1", 1_896_000),
        **policy(2, "2 3", 1_800_000),
    }
    assert cpu.find(tree(tmp_path, files)).clusters[0].name == "Cortex-A73"


@pytest.mark.parametrize(
    ("implementer", "part", "name"),
    [
        (0x41, 0xD42, "Cortex-A78AE"),
        (0x4E, 0x004, "Carmel"),
        (0x51, 0x001, "Oryon"),
        (0x41, 0xFFF, ""),
        (0x99, 0xD03, ""),
    ],
)
def test_cores_are_named_by_implementer_and_part(tmp_path: Path, implementer: int, part: int, name: str) -> None:
    found = cpu.find(tree(tmp_path, {"proc/cpuinfo": arm_cpuinfo([part], implementer=implementer)}))
    assert [cluster.name for cluster in found.clusters] == [name]
    assert found.model == name


def test_the_hybrid_processors_of_pcs_have_p_and_e_cores(tmp_path: Path) -> None:
    files = {
        "proc/cpuinfo": x86_cpuinfo(6, model="Intel(R) Core(TM) Ultra 7 155H"),
        "sys/devices/cpu_core/cpus": "0-3\n",
        "sys/devices/cpu_atom/cpus": "4-5\n",
    }
    for index, kilohertz in enumerate([4_800_000, 4_800_000, 4_500_000, 4_500_000, 3_800_000, 3_800_000]):
        files |= policy(index, str(index), kilohertz)
    for index, siblings in enumerate(["0-1", "0-1", "2-3", "2-3"]):
        files[f"{CPU}/cpu{index}/topology/thread_siblings_list"] = siblings
    found = cpu.find(tree(tmp_path, files))
    assert found.clusters == [Cluster(4, "P-core", 4800, 0), Cluster(2, "E-core", 3800, 0)]
    assert found.model == "Intel Core Ultra 7 155H"
    assert (found.threads_per_core, found.big_cores) == (2, 2)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", "Intel Xeon"),
        ("Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", "Intel Core i5-8250U"),
        ("AMD Ryzen AI 9 HX 370 w/ Radeon 890M", "AMD Ryzen AI 9 HX 370 w/ Radeon 890M"),
    ],
)
def test_models_of_pcs_lose_trade_marks_and_clock(tmp_path: Path, name: str, short: str) -> None:
    assert cpu.find(tree(tmp_path, {"proc/cpuinfo": x86_cpuinfo(1, model=name)})).model == short


@pytest.mark.parametrize(
    ("files", "architecture"),
    [
        ({"proc/cpuinfo": x86_cpuinfo(1)}, "x86_64"),
        ({"proc/cpuinfo": x86_cpuinfo(1, flags="fpu sse2")}, "i686"),
        ({"proc/cpuinfo": arm_cpuinfo([0xD03])}, "aarch64"),
        ({"proc/cpuinfo": arm_cpuinfo([0xD03], features="half thumb neon vfpv4")}, "armv7l"),
        ({"proc/cpuinfo": arm_cpuinfo([0xD03]), "proc/sys/kernel/arch": "armv7l\n"}, "armv7l"),
        ({"proc/cpuinfo": "processor : 0\nhart : 1\nisa : rv64imafdc\n"}, "riscv64"),
        ({}, ""),
    ],
    ids=range(7),
)
def test_the_architecture_of_a_recorded_tree_is_its_own(
    tmp_path: Path, files: dict[str, str], architecture: str
) -> None:
    assert cpu.find(tree(tmp_path, files)).architecture == architecture


def test_the_architecture_of_the_live_machine_is_the_one_of_this_program() -> None:
    assert cpu.find(Tree(Path("/"))).architecture == os.uname().machine  # tests run in 64-bit programs


def test_only_features_of_all_cores_count(tmp_path: Path) -> None:
    text = (
        arm_cpuinfo([0xD46], features="asimd asimddp sve2")
        + arm_cpuinfo([0, 0xD47], features="asimd asimddp").split("\n\n")[1]
    )
    assert cpu.find(tree(tmp_path, {"proc/cpuinfo": text})).features == ["asimd", "asimddp"]


def test_caches_that_cores_share_are_counted_once(tmp_path: Path) -> None:
    files = {"proc/cpuinfo": arm_cpuinfo([0xD0B] * 4)}
    for index in range(4):
        caches = [("1", "64K", str(index)), ("2", "512K", str(index)), ("3", "2048K", "0-3")]
        for place, (level, size, shared) in enumerate(caches):
            path = f"{CPU}/cpu{index}/cache/index{place}"
            files |= {f"{path}/level": level, f"{path}/size": size, f"{path}/shared_cpu_list": shared}
    found = cpu.find(tree(tmp_path, files))
    assert (found.l2, found.l3) == (4 * 512 << 10, 2 << 20)


def test_offline_cpus_do_not_count(tmp_path: Path) -> None:
    files = RK3588 | {f"{CPU}/online": "0-3,6\n"}
    assert [cluster.cores for cluster in cpu.find(tree(tmp_path, files)).clusters] == [1, 4]


def test_a_control_group_may_allow_fewer_cpus(tmp_path: Path) -> None:
    files = RK3588 | {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpuset.cpus.effective": "4-5\n"}
    assert cpu.find(tree(tmp_path, files)).clusters == [Cluster(2, "Cortex-A76", 2352, 0)]


def test_a_set_of_cpus_that_are_not_there_is_wrong_and_not_used(tmp_path: Path) -> None:
    files = RK3588 | {"sys/fs/cgroup/cpuset.cpus.effective": "64-71\n"}
    assert cpu.find(tree(tmp_path, files)).cores == 8


def test_threads_of_one_core_count_only_if_both_may_be_used(tmp_path: Path) -> None:
    siblings = {f"{CPU}/cpu{index}/topology/core_cpus_list": f"{index % 2},{index % 2 + 2}" for index in range(4)}
    files = {"proc/cpuinfo": x86_cpuinfo(4), **siblings}
    assert cpu.find(tree(tmp_path, files)).threads_per_core == 2
    files["sys/fs/cgroup/cpuset.cpus.effective"] = "0-1"
    found = cpu.find(tree(tmp_path, files))
    assert (found.threads_per_core, found.big_cores) == (1, 2)


def test_the_smallest_quota_of_all_groups_above_counts(tmp_path: Path) -> None:
    files = {
        "proc/cpuinfo": x86_cpuinfo(8),
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/cpu.max": "400000 100000\n",
    }
    found = cpu.find(tree(tmp_path, files))
    assert found.quota == 1.5
    assert found.big_cores == 1


@pytest.mark.parametrize(("quota", "cpus"), [("200000", 2.0), ("-1", None), ("0", None), ("junk", None)])
def test_quotas_of_cgroup_v1(tmp_path: Path, quota: str, cpus: float | None) -> None:
    group = "sys/fs/cgroup/cpu,cpuacct"
    files = {
        "proc/self/cgroup": "4:cpu,cpuacct:/docker/123\n0::/docker/123\n",
        f"{group}/cpu.cfs_period_us": "100000\n",
    }
    files[f"{group}/cpu.cfs_quota_us"] = quota
    assert cpu.find(tree(tmp_path, files)).quota == cpus


@pytest.mark.parametrize("online", ["0-99999999999", "3-1", "a-b", "-", "0,,1,", "\0"])
def test_absurd_lists_of_cpus_are_no_fact(tmp_path: Path, online: str) -> None:
    files = {"proc/cpuinfo": arm_cpuinfo([0xD03] * 2), f"{CPU}/online": online}
    assert cpu.find(tree(tmp_path, files)).cores == 2


def test_nothing_known_is_nothing_claimed(tmp_path: Path) -> None:
    found = cpu.find(tree(tmp_path, {}))
    assert (found.clusters, found.features, found.model, found.l2, found.quota) == ([], [], "", 0, None)
