"""What the set-up finds out about the machine."""

import pytest

from scripts import machine

X86 = "processor\t: 0\ncpu MHz\t\t: 2400.1\nflags\t\t: fpu sse4_2 avx2\n"
PI_5 = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd asimddp\nCPU part\t: 0xd0b\n"


def test_the_same_processor_has_the_same_features_after_a_reboot() -> None:
    rebooted = X86.replace("2400.1", "799.8").replace("sse4_2 avx2", "avx2 sse4_2")
    assert machine.cpu_features(rebooted) == machine.cpu_features(X86)


def test_two_cores_of_one_kind_count_once_and_little_cores_count() -> None:
    assert machine.cpu_features(PI_5 * 4) == machine.cpu_features(PI_5)
    big_little = PI_5 + PI_5.replace("0xd0b", "0xd05")
    assert machine.cpu_features(big_little) != machine.cpu_features(PI_5)


def test_x86_compiles_without_amx_and_arm_without_flags() -> None:
    assert machine.compiler_flags("x86_64", lambda _: True) == machine.AMX_FLAGS
    assert machine.compiler_flags("aarch64", lambda _: True) == ()


def test_a_compiler_that_knows_no_amx_gets_no_flags() -> None:
    assert machine.compiler_flags("x86_64", lambda _: False) == ()


def test_asks_the_real_compiler_whether_it_takes_a_flag() -> None:
    assert machine.compiler_accepts(["c++"], ["-O2"])
    assert not machine.compiler_accepts(["c++"], ["-mno-such-thing"])
    assert machine.compiler_version(["c++"])
    assert machine.compiler_version(["no-such-compiler"]) == ""


@pytest.mark.parametrize(("cores", "gib", "jobs"), [(4, 8, 4), (4, 3.5, 3), (4, 0.4, 1), (1, 64, 1)])
def test_compiles_no_more_files_at_once_than_memory_allows(cores: int, gib: float, jobs: int) -> None:
    meminfo = f"MemTotal: 99999999 kB\nMemAvailable: {int(gib * 2**20)} kB\n"
    assert machine.build_jobs(cores, meminfo) == jobs


def test_compiles_one_file_at_a_time_where_memory_is_unknown() -> None:
    assert machine.build_jobs(4, "MemTotal: 99999999 kB\n") == 1


def test_names_every_missing_debian_package_at_once() -> None:
    assert machine.missing_packages(lambda _: None, lambda _: None) == ["python3-venv", "g++", "make"]
    assert machine.missing_packages(lambda _: "/usr/bin/x", lambda _: None) == ["python3-venv"]
    assert machine.missing_packages(lambda _: "/usr/bin/x", lambda _: "spec") == []


def test_names_what_the_tests_need_besides() -> None:
    assert machine.missing_test_packages(lambda _: None, lambda _: False) == [
        "chromium",
        "fonts-dejavu-core",
        "mosquitto",
        "minisign",
    ]
    assert machine.missing_test_packages(lambda _: "/usr/bin/x", lambda _: True) == []
