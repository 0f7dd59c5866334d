"""Containerfile, compose.yaml and what they mount agree with each other, with the settings and with the real broker."""

import configparser
import re
import shlex
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # litestar brings it; its types are a package of their own

from agent.config import SETTINGS
from agent.installation.units import shipped
from tests.telemetry.broker import _program, free_port
from tests.web.daemon import daemon

ROOT = Path(__file__).parents[2]
CONTAINERS = ROOT / "containers"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHON_OF_DEBIAN = {"12": (3, 11), "13": (3, 13)}
DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
REFUSED = 5  # MQTT 3.1.1, table 3.1: not authorised
ANONYMOUS = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return document


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile, continued lines joined."""
    lines = [line for line in (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def final() -> list[tuple[str, str]]:
    """Return those of the last stage."""
    last = max(index for index, (word, _) in enumerate(instructions()) if word == "FROM")
    return instructions()[last:]


def only(word: str) -> str:
    """Return what follows a word that stands once in the last stage."""
    (rest,) = [rest for each, rest in final() if each == word]
    return rest


def quadlet() -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser's documentation has it
    parser.read(CONTAINERS / "edgewise.container")
    return dict(parser["Container"])


def test_everything_that_is_copied_is_there_and_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [rest.split() for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    sources = {source.rstrip("/") for *sources, _ in copied for source in sources}
    assert {"agent", "web", "scripts", "requirements.lock"} <= sources
    assert sources == allowed
    assert not [source for source in sources if not (ROOT / source).exists()]


def test_the_base_has_a_python_that_the_project_runs_on() -> None:
    debian = re.search(r"^ARG DEBIAN=\S*debian:(\d+)\.\d+-slim$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert debian
    least = re.fullmatch(r">=(\d+)\.(\d+)", PROJECT["requires-python"])
    assert least
    assert PYTHON_OF_DEBIAN[debian[1]] >= (int(least[1]), int(least[2]))


def test_images_have_the_version_of_the_project() -> None:
    version = PROJECT["version"]
    assert f'version="{version}"' in only("LABEL")
    assert compose()["services"]["edgewise"]["image"] == f"edgewise:{version}"
    assert quadlet()["Image"] == f"localhost/edgewise:{version}"


def test_images_of_others_are_pinned() -> None:
    images = [service["image"] for name, service in compose()["services"].items() if name != "edgewise"]
    assert images
    assert all(re.fullmatch(r"[a-z.]+/[a-z/-]+:v?\d+\.\d+\.\d+", image) for image in images)


def test_what_runs_is_no_root_and_has_no_compilers() -> None:
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", only("USER"))
    installed = set(shlex.split(only("RUN")))
    assert {"python3", "libgomp1", "ca-certificates"} <= installed
    assert not {"g++", "make", "python3-venv", "python3-pip", "cmake"} & installed


def test_port_and_state_are_those_of_the_settings() -> None:
    port, state = str(DEFAULTS["port"]), only("VOLUME")
    assert only("EXPOSE") == port
    assert f"EDGEWISE_STATE_DIR={state}" in only("ENV")
    service = compose()["services"]["edgewise"]
    assert service["ports"][0].endswith(f":{port}")
    assert service["volumes"] == [f"state:{state}"]
    assert quadlet()["PublishPort"].endswith(f":{port}")
    assert quadlet()["Volume"].endswith(f":{state}")


def test_only_settings_that_exist_are_given() -> None:
    known = {setting.variable for setting in SETTINGS}
    given = set(re.findall(r"\bEDGEWISE_[A-Z_]+\b", "".join(path.read_text() for path in sources())))
    assert given <= known


def sources() -> list[Path]:
    return [ROOT / "Containerfile", ROOT / "compose.yaml", *CONTAINERS.glob("*.*")]


@pytest.mark.parametrize("name", ["edgewise", "mosquitto", "prometheus"])
def test_every_service_is_closed(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "restart"} <= service.keys()
    assert name == "edgewise" or service["user"].split(":")[0] != "0"


def test_only_the_daemon_starts_without_being_asked_for() -> None:
    assert [name for name, service in compose()["services"].items() if "profiles" not in service] == ["edgewise"]


def test_every_file_that_is_mounted_is_there() -> None:
    mounts = [mount for service in compose()["services"].values() for mount in service["volumes"]]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert files
    assert not [name for name in files if not (ROOT / name).is_file()]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith("./")}
    assert named == compose()["volumes"].keys()


def test_prometheus_asks_the_daemon_under_a_name_that_it_answers_to() -> None:
    (job,) = yaml.safe_load((CONTAINERS / "prometheus.yml").read_text())["scrape_configs"]
    host, port = job["static_configs"][0]["targets"][0].split(":")
    assert host == compose()["services"]["edgewise"]["hostname"]
    assert int(port) == DEFAULTS["port"]
    secret = Path(job["authorization"]["credentials_file"])
    assert compose()["services"]["prometheus"]["secrets"] == [secret.name]
    assert secret.parent == Path("/run/secrets")


def test_secrets_stay_out_of_git() -> None:
    place = Path(compose()["secrets"]["metrics-key"]["file"])
    assert f"{place.parent.as_posix()}/" in (ROOT / ".gitignore").read_text().splitlines()


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """Run the real broker with our file; only the places of the container are others."""
    port = free_port()
    passwords = folder / "passwords"
    passwords.write_text("hub:secret\n")
    subprocess.run([_program("mosquitto_passwd"), "-U", passwords], check=True, capture_output=True)
    text = (CONTAINERS / "mosquitto.conf").read_text()
    text = text.replace("/mosquitto/data", str(folder)).replace(
        "/mosquitto/config/acl", str(ROOT / "docs/integrations/acl")
    )
    (folder / "mosquitto.conf").write_text(text.replace("listener 1883", f"listener {port} 127.0.0.1") + "user root\n")
    log = folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen([_program("mosquitto"), "-c", folder / "mosquitto.conf"], stderr=file)
    try:
        end = time.monotonic() + 5
        while "running" not in log.read_text() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        assert process.poll() is None, log.read_text()
        yield port
    finally:
        process.kill()
        process.wait()


def test_the_broker_takes_its_file_and_lets_no_stranger_in(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as port, socket.create_connection(("127.0.0.1", port), timeout=5) as stranger:
        stranger.sendall(ANONYMOUS)
        assert stranger.recv(4)[-1] == REFUSED


def healthy(port: int, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", CONTAINERS / "healthcheck.py"],
        env={"EDGEWISE_PORT": str(port), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("tls", ["off", "self"])
def test_a_daemon_that_answers_is_healthy_and_one_that_is_gone_is_not(tmp_path: Path, tls: str) -> None:
    with daemon(tmp_path / "state", "--tls", tls, "--auth", "accounts", ready=False) as running:
        port = int(running.url.rpartition(":")[2])
        code, said = healthy(port, EDGEWISE_TLS=tls)
        assert (code, said in {"ok", "loading"}) == (0, True)
    assert healthy(port, EDGEWISE_TLS=tls)[0] == 1


def test_the_unit_for_one_user_is_understood_and_not_installed_for_the_system(tmp_path: Path) -> None:
    unit = ROOT / "systemd" / "user" / "edgewise.service"
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"^ExecStart=.*", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE))
    command = ["systemd-analyze", "verify", "--user", "--man=no", str(copy)]
    env = {"XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert unit.read_text() not in shipped(Path("/opt/edgewise")).values()
