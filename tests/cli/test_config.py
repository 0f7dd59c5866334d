import json
from pathlib import Path

from agent.config import SETTINGS
from tests.cli.running import edgewise


def test_shows_every_setting_with_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("context = 1024\n")
    done = edgewise(tmp_path, "--config", str(file), "config", "--port", "9000")
    assert done.returncode == 0
    lines = {line.split(" = ")[0].strip(): line for line in done.stdout.splitlines()}
    assert set(lines) == {setting.name for setting in SETTINGS}
    assert lines["context"].endswith(f"# {file}")
    assert lines["port"].endswith("# command line")
    assert lines["parallel"].endswith("# default")


def test_json_has_values_and_origins(tmp_path: Path) -> None:
    document = json.loads(edgewise(tmp_path, "config", "--json", "--offline").stdout)
    assert document["offline"] == {"value": True, "from": "command line"}
    assert document["port"] == {"value": 8080, "from": "default"}


def test_passwords_in_addresses_are_not_shown(tmp_path: Path) -> None:
    for form in ([], ["--json"]):
        shown = edgewise(tmp_path, "config", *form, "--pypi-index", "https://ada:secret@pypi.example/simple").stdout
        assert "secret" not in shown
        assert "https://…@pypi.example/simple" in shown
