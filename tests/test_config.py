"""Settings: where they come from, which of them wins, and what is said about the wrong ones."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from agent.cli import execute
from agent.config import SETTINGS, Config, engine_environment, resolve
from agent.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file, named on the command line in these tests."""
    path = tmp_path / "config.toml"
    path.write_text("port = 3\nqueue = 3\nparallel = 3\n")
    return path


def test_the_flag_wins_then_the_environment_then_the_file_then_the_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEWISE_PORT", "2")
    monkeypatch.setenv("EDGEWISE_QUEUE", "2")
    resolved = resolve({"port": "1", "host": None}, file)
    config = resolved.config
    assert (config.port, config.queue, config.parallel, config.host) == (1, 2, 3, "0.0.0.0")  # noqa: S104 - the default
    origins = [resolved.origins[name] for name in ("port", "queue", "parallel", "host")]
    assert origins == ["command line", "EDGEWISE_QUEUE", str(file), "default"]


def test_every_setting_has_an_origin_a_flag_a_variable_and_a_description() -> None:
    assert set(resolve({}).origins) == {setting.name for setting in SETTINGS} == set(Config.__struct_fields__)
    assert all(setting.help for setting in SETTINGS)
    context = next(setting for setting in SETTINGS if setting.name == "step_timeout")
    assert (context.flag, context.variable) == ("--step-timeout", "EDGEWISE_STEP_TIMEOUT")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWISE_PORT", "")
    assert resolve({}).config.port == 8080


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("offline", "true", True),
        ("offline", "0", False),
        ("context", "0", 0),
        ("step_timeout", "1.5", 1.5),
        ("aliases", "a, b,,c ", ["a", "b", "c"]),
        ("aliases", " ", []),
        ("log_level", "debug", "debug"),
        ("hf_token_file", "/run/token", Path("/run/token")),
    ],
)
def test_text_from_the_environment_becomes_the_type_of_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, value: object
) -> None:
    monkeypatch.setenv(f"EDGEWISE_{name.upper()}", given)
    assert getattr(resolve({}).config, name) == value


def test_a_file_has_lists_numbers_and_booleans_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('aliases = ["gpt-4o, really", "b"]\noffline = true\nstep_timeout = 5\n')
    config = resolve({}, path).config
    assert (config.aliases, config.offline, config.step_timeout) == (["gpt-4o, really", "b"], True, 5)


def test_paths_start_at_home_or_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/pi")
    monkeypatch.chdir(tmp_path)
    assert resolve({"state_dir": "~/edgewise"}).config.state_dir == Path("/home/pi/edgewise")
    config = resolve({"state_dir": "state"}).config
    assert config.models_dir == tmp_path / "state" / "models"


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("port", "many", "command line"),
        ("port", "65536", "EDGEWISE_PORT"),
        ("port", "-1", "EDGEWISE_PORT"),
        ("parallel", "-1", "EDGEWISE_PARALLEL"),
        ("parallel", "65", "command line"),
        ("queue", "-1", "command line"),
        ("micro_batch", "-1", "command line"),
        ("step_timeout", "0.5", "command line"),
        ("step_timeout", "nan", "command line"),
        ("context", "1.5", "command line"),
        ("offline", "maybe", "EDGEWISE_OFFLINE"),
        ("log_level", "loud", "command line"),
    ],
)
def test_an_unusable_value_is_named_with_its_place(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, place: str
) -> None:
    flags: dict[str, object] = {}
    if place == "command line":
        flags[name] = value
    else:
        monkeypatch.setenv(place, value)
    with pytest.raises(ConfigError) as caught:
        resolve(flags)
    assert caught.value.message.startswith(f"Setting {name} cannot be {value!r} ({place}): ")


@pytest.mark.parametrize(
    "line", ['port = "many"', "port = 3.5", "port = true", "aliases = [1]", "offline = 2", "host = 1"]
)
def test_a_value_of_the_wrong_type_in_the_file_is_named_with_the_file(tmp_path: Path, line: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(line)
    with pytest.raises(ConfigError, match=rf"Setting {line.split(maxsplit=1)[0]} cannot be .* \({path}\)"):
        resolve({}, path)


def test_an_unknown_setting_in_the_file_is_answered_with_a_guess(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("prot = 1\n")
    with pytest.raises(ConfigError, match=rf"There is no setting 'prot' \({path}\)") as caught:
        resolve({}, path)
    assert caught.value.hint == "Did you mean 'port'?"


def test_an_unknown_variable_is_answered_with_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWISE_PARALEL", "1")
    with pytest.raises(ConfigError, match="There is no setting 'paralel'") as caught:
        resolve({})
    assert caught.value.hint == "Did you mean 'parallel'?"


def test_an_unknown_setting_on_the_command_line_is_answered_with_a_guess() -> None:
    with pytest.raises(ConfigError, match=r"'hots' \(command line\)") as caught:
        resolve({"hots": "x"})
    assert caught.value.hint == "Did you mean 'host'?"


def test_a_setting_like_no_other_is_answered_with_where_to_look() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve({"zzzzzz": "x"})
    assert "edgewise config" in caught.value.hint


def test_the_file_is_the_named_one_then_that_of_the_environment_then_that_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [tmp_path / name for name in ("named.toml", "variable.toml", "edgewise/config.toml")]
    for number, path in enumerate(places, 1):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"port = {number}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert resolve({}).config.port == 3
    monkeypatch.setenv("EDGEWISE_CONFIG", str(places[1]))
    assert resolve({}).config.port == 2
    assert resolve({}, places[0]).config.port == 1


def test_without_xdg_variables_the_directories_are_in_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".config" / "edgewise").mkdir(parents=True)
    (tmp_path / ".config" / "edgewise" / "config.toml").write_text("port = 5")
    config = resolve({}).config
    assert config.port == 5
    assert config.state_dir == tmp_path / ".local" / "state" / "edgewise"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/lib/someone")
    assert resolve({}).config.state_dir == Path("/var/lib/someone/edgewise")


@pytest.mark.parametrize("content", ["port = ", "[table]\nport = 1", "\udcff"], ids=ascii)
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=str(path)):
        resolve({}, path)


def test_a_named_file_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        resolve({}, tmp_path / "absent.toml")
    monkeypatch.setenv("EDGEWISE_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        resolve({})


@pytest.mark.parametrize(
    ("variable", "name", "value"),
    [
        ("HF_ENDPOINT", "hf_endpoint", "https://hub.example"),
        ("PIP_INDEX_URL", "pypi_index", "https://index.example/simple"),
        ("STATE_DIRECTORY", "state_dir", "/var/lib/edgewise"),
    ],
)
def test_common_variables_count_unless_our_own_is_set(
    monkeypatch: pytest.MonkeyPatch, variable: str, name: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    resolved = resolve({})
    assert str(getattr(resolved.config, name)) == value
    assert resolved.origins[name] == variable
    own = "EDGEWISE_" + name.upper()
    monkeypatch.setenv(own, value + "/own")
    resolved = resolve({})
    assert str(getattr(resolved.config, name)) == value + "/own"
    assert resolved.origins[name] == own


def token(**flags: object) -> str | None:
    return resolve(flags).config.sources().hf_token


def test_the_token_comes_from_its_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert token() is None
    monkeypatch.setenv("HF_TOKEN", "from environment")
    assert token() == "from environment"
    path = tmp_path / "token"
    path.write_text("from file\n")
    assert token(hf_token_file=str(path)) == "from file"
    path.unlink()
    with pytest.raises(ConfigError, match="hf_token_file"):
        token(hf_token_file=str(path))


def test_the_token_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    monkeypatch.setenv("HF_TOKEN", "s3cret")
    resolved = resolve({"hf_token_file": str(path)})
    assert "s3cret" not in repr(resolved) + repr(resolved.config.sources()) + repr(SETTINGS)
    for arguments in (["config"], ["config", "--json"]):
        assert execute([*arguments, "--hf-token-file", str(path)]) == 0
        shown = capsys.readouterr()
        assert "s3cret" not in shown.out + shown.err
        assert str(path) in shown.out


def test_the_settings_in_force_are_shown_with_their_origin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEWISE_QUEUE", "7")
    assert execute(["config", "--json", "--port", "9"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown) == {setting.name for setting in SETTINGS}
    assert shown["port"] == {"value": 9, "from": "command line"}
    assert shown["queue"] == {"value": 7, "from": "EDGEWISE_QUEUE"}
    assert shown["host"]["from"] == "default"


def test_a_wrong_setting_ends_the_command_with_two_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("prot = 1")
    assert execute(["--config", str(path), "config"]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown == [f"edgewise: There is no setting 'prot' ({path}).", "hint: Did you mean 'port'?"]


def test_the_engine_process_gets_no_settings_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "MQTT_PASSWORD", "CREDENTIALS_DIRECTORY", "openai_api_key"]
    for name in [*secrets, "EDGEWISE_PORT"]:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    environment = engine_environment()
    assert not {*secrets, "EDGEWISE_PORT"} & set(environment)
    assert environment["OMP_NUM_THREADS"] == "2"
    assert environment["PATH"] == os.environ["PATH"]


def test_the_libraries_in_engine_processes_report_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    assert engine_environment()["ORT_DISABLE_TELEMETRY"] == "1"


def test_libraries_are_listed_with_commas_and_shown_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEWISE_ONNX_EP_LIBRARIES", "/opt/a.so, ~/b.so")
    assert resolve({}).config.onnx_ep_libraries == [Path("/opt/a.so"), Path.home() / "b.so"]
    assert execute(["config"]) == 0
    assert f'["/opt/a.so","{Path.home()}/b.so"]' in capsys.readouterr().out


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError):
        resolve({}).config.port = 1  # type: ignore[misc]


def test_the_defaults_satisfy_their_own_limits() -> None:
    config = resolve({}).config
    plain = msgspec.to_builtins(config, enc_hook=str)
    assert msgspec.convert(plain, Config, dec_hook=lambda kind, value: kind(value)) == config
