"""The looks of `edgewise doctor`, one at a time, at devices with something wrong."""

import asyncio
import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.cli.doctor import clock, computer, crashes, database, disk, door, engine, models, service
from agent.cli.doctor.case import Case
from agent.cli.doctor.examination import _guarded, examine
from agent.cli.doctor.finding import Finding
from agent.config import Config
from agent.errors import StoreError
from agent.safe_mode import marker
from agent.safe_mode.lives import Crash, Lives
from agent.safe_mode.safe_mode import record_path
from agent.state import VERSION, Health, RestraintState, SafeModeState
from agent.store import Store
from agent.upkeep.recovery import acknowledge, recover
from tests.selecting import know_speed
from tests.telemetry.authority import Authority

ROOT = Path(__file__).parents[2]
NOBODY = 65534


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(Config(state_dir=tmp_path / "state", offline=True), {}, "http://127.0.0.1:1", root=tmp_path / "root")


def worst(findings: Iterator[Finding]) -> Finding:
    order = ("ok", "warn", "bad")
    return max(findings, key=lambda finding: order.index(finding.level))


def filled(case: Case) -> Path:
    """Return the app.db of a device with tables, closed."""
    store = Store(case.config.state_dir / "app.db")
    store.open()
    store.close()
    return store.path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_database_that_is_whole_is_said_to_be(case: Case) -> None:
    filled(case)
    whole, owner = database.look(case)
    assert (whole.level, owner.level) == ("ok", "ok")
    assert "claim-code" in owner.advice


@pytest.mark.parametrize("keep", [512, 5000])
def test_a_database_that_was_cut_is_a_problem(case: Case, keep: int) -> None:
    path = filled(case)
    path.write_bytes(path.read_bytes()[:keep])
    assert worst(database.look(case)).see == "database"


def test_a_database_of_zeros_is_a_problem(case: Case) -> None:
    path = filled(case)
    path.write_bytes(bytes(path.stat().st_size))
    assert worst(database.look(case)).level == "bad"


def test_a_look_that_fails_is_a_finding_and_the_others_go_on(case: Case) -> None:
    def look(_case: Case) -> Iterator[Finding]:
        yield Finding("ok", "first")
        raise StoreError("It is broken.", hint="Mend it.")

    first, second = _guarded(look, case)
    assert first.what == "first"
    assert (second.level, second.what, second.advice) == ("bad", "It is broken.", "Mend it.")


def test_the_whole_examination_survives_a_broken_device(case: Case) -> None:
    asyncio.run(know_speed(case.config, 1e10))
    case.config.models_dir.mkdir(parents=True)
    for name in ("app.db", "outbox.db", "set-aside.json", "providers.json", "tls-certificate.pem"):
        (case.config.state_dir / name).write_bytes(b"\x00garbage" * 100)
    broken = replace_config(case, tls="self")
    found = {each.finding.see: each.finding.level for each in examine(broken)}
    assert found["database"] == found["certificate"] == "bad"


def replace_config(case: Case, **changes: object) -> Case:
    return Case(replace(case.config, **changes), case.origins, case.url, case.answer, case.health, case.root)


def test_another_users_files_are_one_finding_and_no_traceback(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    (locked / "state").mkdir(parents=True)
    code = """
import os, sys
from pathlib import Path
from agent.cli.doctor import choice, clock, crashes, database, disk, door, models
from agent.cli.doctor.case import Case
from agent.cli.doctor.examination import _guarded
from agent.config import Config
case = Case(Config(state_dir=Path(sys.argv[1]), tls="self"), {})
if os.geteuid() == 0:
    os.seteuid(int(sys.argv[2]))
for look in (disk.look, database.look, clock.look, models.look, choice.look, crashes.look, door.look):
    print(*(finding.see for finding in _guarded(look, case)))
"""
    locked.chmod(0)
    command = [sys.executable, "-c", code, str(locked / "state"), str(NOBODY)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    locked.chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("other-user") == 7


def test_throttling_and_heat_are_told(case: Case) -> None:
    zone = case.root / "sys/class/thermal/thermal_zone0"
    write(zone / "type", "cpu-thermal")
    write(zone / "temp", "83000")
    write(zone / "trip_point_0_type", "passive")
    write(zone / "trip_point_0_temp", "85000")
    write(case.root / "sys/devices/platform/soc/soc:firmware/get_throttled", "50005")
    found = {finding.see: finding for finding in computer.look(case) if finding.see}
    assert "83 °C of 85 °C" in found["hot"].what


def test_programs_that_the_kernel_has_ended_are_counted(case: Case) -> None:
    write(case.root / "proc/vmstat", "nr_free_pages 1\noom_kill 3\n")
    found = worst(computer.look(case))
    assert (found.level, found.see) == ("warn", "memory-short")
    assert "3 programs" in found.what


def test_restraints_in_force_are_told_with_the_way_out(case: Case) -> None:
    health = Health("ok", VERSION, restraints=[RestraintState("heat", "It is hot.", "It cools down.")])
    restrained = Case(case.config, {}, case.url, "well", health, case.root)
    found = worst(computer.look(restrained))
    assert (found.see, found.what, found.advice) == ("restrained", "It is hot.", "It cools down.")


def test_engines_that_have_died_are_counted(case: Case) -> None:
    health = Health("ok", VERSION, "m", "m is ready.", restarts=2)
    found = worst(engine.look(Case(case.config, {}, case.url, "well", health, case.root)))
    assert found.see == "engine-crashes"
    assert "2 times" in found.what


def test_a_recent_crash_is_told_and_one_of_long_ago_is_not(case: Case) -> None:
    for begun, count in ((time.time() - 3600, 1), (time.time() - 30 * 86_400, 0)):
        crash = Crash("signal", "SIGSEGV in sqlite", begun, VERSION)
        case.config.state_dir.mkdir(exist_ok=True)
        assert marker.write(record_path(case.config.state_dir), Lives(crashes=(crash,)))
        found = list(crashes.look(case))
        assert [finding.see for finding in found] == ["crashes"] * count
        assert all("SIGSEGV in sqlite" in finding.what for finding in found)


def test_safe_mode_is_a_problem_with_the_way_out(case: Case) -> None:
    state = SafeModeState(1, "It crashed thrice.", "Wait.", wanted=False, since=0, crashes=[])
    told = Case(case.config, {}, case.url, "well", Health("ok", VERSION, safe_mode=state), case.root)
    (found,) = crashes.look(told)
    assert (found.level, found.see, found.advice) == ("bad", "safe-mode", "Wait.")
    case.config.state_dir.mkdir()
    assert marker.write(record_path(case.config.state_dir), Lives(level=2))
    (found,) = crashes.look(case)
    assert "level 2" in found.what


def test_a_database_that_was_replaced_is_told_until_the_owner_has_read_it(case: Case) -> None:
    path = filled(case)
    path.write_bytes(b"garbage" * 1000)
    assert recover(case.config.state_dir)
    assert "database-replaced" in {finding.see for finding in database.look(case)}
    acknowledge(case.config.state_dir)
    assert "database-replaced" not in {finding.see for finding in database.look(case)}


def test_a_worn_disk_is_a_warning(case: Case) -> None:
    write(case.root / "sys/block/mmcblk0/device/life_time", "0x09 0x02")
    assert worst(disk.look(case)).see == "disk-worn"


def test_files_of_the_future_show_that_the_clock_is_behind(case: Case) -> None:
    case.config.state_dir.mkdir()
    ahead = case.config.state_dir / "app.db"
    ahead.touch()
    os.utime(ahead, (time.time(), time.time() + 86_400))
    assert "clock-behind" in {finding.see for finding in clock.look(case)}


@pytest.mark.parametrize(
    ("start", "level"),
    [(dt.timedelta(days=1), "bad"), (dt.timedelta(days=-20), "bad"), (dt.timedelta(days=-1), "warn")],
)
def test_a_certificate_is_valid_now_and_for_a_while(
    case: Case, tmp_path: Path, start: dt.timedelta, level: str
) -> None:
    chain, key = Authority(tmp_path / "authority").issue("box", start=start)
    found = worst(door.look(replace_config(case, port=0, tls="files", tls_cert=chain, tls_key=key)))
    assert (found.see, found.level) == ("certificate", level)


def test_an_open_door_is_a_warning_unless_only_this_computer_comes_in(case: Case) -> None:
    assert worst(door.look(replace_config(case, auth="open", host="0.0.0.0", port=0))).see == "open-door"  # noqa: S104 - the case in question
    assert worst(door.look(replace_config(case, auth="open", host="127.0.0.1", port=0))).level == "ok"


@pytest.mark.parametrize(
    ("shown", "see"),
    [
        ({"ActiveState": "active", "SubState": "running", "NRestarts": "0"}, ""),
        ({"ActiveState": "active", "SubState": "running", "NRestarts": "4"}, "service-restarts"),
        ({"ActiveState": "inactive", "SubState": "dead", "Result": "success"}, "service-stopped"),
        ({"ActiveState": "activating", "SubState": "auto-restart", "Result": "watchdog"}, "service-failed"),
    ],
)
def test_what_systemd_says_is_understood(shown: dict[str, str], see: str) -> None:
    assert worst(service.unit(shown)).see == see


def test_a_model_that_has_not_come_to_its_end_is_a_warning(case: Case) -> None:
    write(case.config.models_dir / "m" / "m.gguf.part", "some")
    assert worst(models.look(case)).level in {"ok", "warn"}


def test_state_in_memory_is_a_warning(case: Case, tmp_path: Path, mounted: Callable[[Path], None]) -> None:
    place = tmp_path / "ram"
    place.mkdir()
    mounted(place)
    here = Case(replace(case.config, state_dir=place), {}, root=Path("/"))
    assert "in-memory" in {finding.see for finding in disk.look(here)}


@pytest.fixture
def mounted() -> Iterator[Callable[[Path], None]]:
    """Mounts a small file system in memory; skips where that is not possible."""
    places: list[Path] = []

    def mount(place: Path) -> None:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            pytest.skip("nothing can be mounted here")
        places.append(place)

    yield mount
    for place in places:
        subprocess.run(["umount", place], check=True)  # noqa: S607 - as above


def test_a_database_in_use_is_only_read(case: Case) -> None:
    store = Store(case.config.state_dir / "app.db")
    store.open()
    with closing(store):
        assert worst(database.look(case)).level == "ok"
