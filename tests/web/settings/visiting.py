"""A browser without JavaScript, as a test wants it: it keeps cookies, reads forms and sends them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

import httpx

from tests.web.daemon import TRUST


class Visitor:
    """Somebody who looks at pages."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=20, trust_env=False, verify=TRUST, headers={"Origin": url})
        self.response: httpx.Response

    def open(self, path: str) -> str:
        """Load a page and return its HTML; it must be there."""
        self.response = self.http.get(path, follow_redirects=True)
        assert self.response.status_code == 200, f"{path}: {self.response.status_code} {self.response.text[:300]}"
        return self.response.text

    def send(self, page: str, action: str, **fields: str) -> str:
        """Fill in the form of a page that goes to `action`, send it, and return what the browser shows then."""
        form = next(form for form in forms(self.open(page)) if form.action == action)
        unknown = set(fields) - form.names
        assert not unknown, f"the form has no {unknown}"
        self.response = self.http.post(action, data={**form.values, **fields}, follow_redirects=True)
        return self.response.text

    def sign_in(self, name: str, password: str) -> None:
        """Sign in on the login page."""
        self.send("/login?next=/settings", "/login", name=name, password=password)
        assert self.response.status_code == 200, self.response.text

    @property
    def path(self) -> str:
        """Where the browser is now, without the query."""
        return self.response.url.path


@contextmanager
def visiting(url: str, name: str = "", password: str = "") -> Iterator[Visitor]:
    """Give a browser, signed in if there is a name."""
    visitor = Visitor(url)
    with visitor.http:
        if name:
            visitor.sign_in(name, password)
        yield visitor


class Form:
    """A form: where it goes, its fields, and what is in them before anybody has typed."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.names: set[str] = set()
        self.values: dict[str, str] = {}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select = ""
        self._off = False  # in a disabled fieldset

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", "")))
        elif tag == "fieldset":
            self._off = "disabled" in given
        elif tag == "option" and self._select and "selected" in given:
            self.found[-1].values[self._select] = given.get("value", "")
        elif self.found and "name" in given and not self._off and "disabled" not in given:
            self._field(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "fieldset":
            self._off = False
        elif tag == "select":
            self._select = ""

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, name = self.found[-1], given["name"]
        form.names.add(name)
        self._select = name if tag == "select" else ""
        boxed = given.get("type") in {"radio", "checkbox"}
        if tag == "input" and given.get("type") != "file" and (not boxed or "checked" in given):
            form.values[name] = given.get("value", "on" if boxed else "")


def forms(html: str) -> list[Form]:
    """Return the forms of a page, in order."""
    parser = _Forms()
    parser.feed(html)
    return parser.found


def words(html: str) -> str:
    """Return the text of a page in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html.partition("<main")[2]).split())
