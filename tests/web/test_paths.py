import pytest

from web.paths import is_api, within


@pytest.mark.parametrize("path", ["/", "/c/1", "/search?q=a%20b", "/models?sort=speed#top"])
def test_pages_of_ours_may_come_next(path: str) -> None:
    assert within(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *("", "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "/\t/evil.example"),
        *("/a\n//b", "javascript:alert(1)", "evil.example", " //evil.example", "/c\\..\\..", "/v1/models"),
    ],
)
def test_nothing_else_may(path: str) -> None:
    assert within(path) == "/"


def test_programs_have_paths_of_their_own() -> None:
    assert all(
        is_api(path) for path in ("/v1/models", "/v1", "/api/edgewise/selection", "/healthz", "/chat/completions")
    )
    assert not any(is_api(path) for path in ("/", "/v1x", "/models", "/c/v1/", "/chat"))
