from pathlib import Path

import pytest

from tests.web.daemon import Daemon, daemon


def test_is_503_while_the_model_loads_and_200_with_model_and_state_after(state: Path) -> None:
    with daemon(state, ready=False) as loading:
        early = loading.http.get("/healthz")
        assert early.status_code == 503
        assert early.json()["status"] == "loading"
        loading.wait_until_ready()
        late = loading.http.get("/healthz")
        assert (late.json()["status"], late.json()["model"]) == ("ok", "echo")


def test_requests_are_told_to_come_back_while_the_model_loads(state: Path) -> None:
    with daemon(state, ready=False) as loading:
        reply = loading.ask("hello")
        assert reply.status_code == 503
        assert int(reply.headers["retry-after"]) > 0
        assert reply.json()["error"]["code"] == "model_not_ready"


def test_requests_are_told_to_stay_away_when_no_model_will_load(state: Path, tmp_path: Path) -> None:
    model = tmp_path / "refusing"
    model.write_text("!refuse")
    with daemon(state, "--model", str(model), ready=False) as failing:
        while (health := failing.health())["status"] == "loading":
            pass
        assert health["status"] == "failed"
        assert "asked to refuse" in health["detail"]
        reply = failing.ask("hello")
        assert reply.status_code == 503
        assert reply.headers["x-should-retry"] == "false"
        assert "retry-after" not in reply.headers


@pytest.mark.parametrize("path", ["/healthz", "/health", "/v1/health"])
def test_answers_head_like_get(echo: Daemon, path: str) -> None:
    got, head = echo.http.get(path), echo.http.head(path)
    assert (got.status_code, head.status_code) == (200, 200)
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]
