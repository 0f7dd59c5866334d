"""Sessions are told apart by the names of browsers and systems."""

import pytest

from web.browsers import Browser, recognise

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Browser("Firefox", "Linux")),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0",
            Browser("Edge", "Windows"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 16; K) {_WEBKIT} Chrome/140.0 Mobile Safari/537.36",
            Browser("Chrome", "Android"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile Safari/604",
            Browser("Safari", "iPhone"),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/19 Safari/605",
            Browser("Safari", "Mac"),
        ),
        ("curl/8.9.1", Browser("curl", "")),
        ("Mozilla/5.0 (compatible)", Browser("", "")),
        ("", Browser("", "")),
    ],
)
def test_a_browser_is_called_by_its_name(agent: str, browser: Browser) -> None:
    assert recognise(agent) == browser


def test_an_unknown_name_does_not_fill_the_page() -> None:
    assert len(recognise("x" * 1000).name) == 40
