from pathlib import Path

from tests.web.daemon import daemon


def test_as_many_answers_may_be_asked_for_as_can_run_and_wait(state: Path) -> None:
    """How many run at a time is known from the model, where no setting says it."""
    with daemon(state, "--queue", "1") as running:
        assert len(running.ask("hello", n=5).json()["choices"]) == 5
        reply = running.ask("hello", n=6)
        assert reply.status_code == 400
        assert "at most 5" in reply.json()["error"]["message"]
