import json
from pathlib import Path

from tests.cli.running import edgewise
from tests.selecting import small_model


def test_measures_the_given_model(tmp_path: Path) -> None:
    model = small_model(tmp_path / "small.gguf")
    flags = ["--model", str(model), "--context", "256", "--parallel", "2", "--repeat", "1"]
    done = edgewise(tmp_path, "bench", "--json", *flags)
    result = json.loads(done.stdout)
    assert result["model"] == model.stem
    assert result["load_seconds"] > 0
    assert result["memory_bytes"] > model.stat().st_size / 2
    assert [speed["streams"] for speed in result["speeds"]] == [1, 2]
    assert all(speed["prefill"] > 0 and speed["decode"] > 0 for speed in result["speeds"])


def test_prints_a_table(tmp_path: Path) -> None:
    done = edgewise(tmp_path, "bench", "--engine", "echo", "--repeat", "1")
    assert done.returncode == 0
    assert "decode tok/s" in done.stdout
