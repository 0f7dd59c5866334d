"""What the tokenizer's files say: the chat template, and the tokens that begin and end a text."""

import json
from dataclasses import dataclass
from pathlib import Path

from agent.onnx.reader import opened
from agent.onnx.settings import Settings, read_settings, read_text

MAX_TEMPLATE = 1 << 20
_HEAD_BYTES = 16 << 20  # of tokenizer.json, whose vocabulary comes last
_RULES = '"post_processor":'


@dataclass(frozen=True, slots=True)
class Texts:
    """What the tokenizer's files say.

    Attributes:
        chat_template: the Jinja source that turns messages into a prompt, or None; untrusted text.
        bos: the token that begins a text, or an empty string.
        eos: the token that ends a text, or an empty string.
        adds_bos: whether the tokenizer puts the first one in front by itself.
    """

    chat_template: str | None
    bos: str
    eos: str
    adds_bos: bool


def read_texts(root: Path) -> Texts:
    """Read what the tokenizer's files in a folder say.

    Raises:
        ModelFileError: a file is unreadable, too long or no JSON.
    """
    settings = read_settings(root / "tokenizer_config.json")
    special = read_settings(root / "special_tokens_map.json")
    bos, eos = (_token(settings, name) or _token(special, name) for name in ("bos_token", "eos_token"))
    adds = settings.flag("add_bos_token")
    return Texts(_template(root, settings), bos, eos, _adds_bos(root, bos) if adds is None else adds)


def _token(settings: Settings, name: str) -> str:
    return settings.text(name) or settings.part(name).text("content")


def _template(root: Path, settings: Settings) -> str | None:
    path = root / "chat_template.jinja"
    if path.exists():
        return read_text(path, limit=MAX_TEMPLATE)
    for source in (settings, read_settings(root / "chat_template.json")):
        named = {one.text("name"): one.text("template") for one in source.parts("chat_template")}
        template = source.text("chat_template") or named.get("default", "")
        if len(template) > MAX_TEMPLATE:
            raise source.error(
                "chat_template", f"the chat template has {len(template)} letters; {MAX_TEMPLATE} are allowed"
            )
        if template:
            return template
    return None


def _adds_bos(root: Path, bos: str) -> bool:
    """Tell whether the tokenizer's own rules put the token in front of a text."""
    if not bos:
        return False
    with opened(root / "tokenizer.json") as wire, (root / "tokenizer.json").open("rb") as file:
        head = file.read(min(_HEAD_BYTES, wire.size)).decode(errors="replace")
    at = head.find(_RULES)
    if at < 0:
        return False
    rules = head[at + len(_RULES) :].lstrip()
    try:
        found, _ = json.JSONDecoder().raw_decode(rules)
    except (ValueError, RecursionError):
        return False
    return any(part.get("id") == bos for part in _first_parts(found))


def _first_parts(rules: object) -> list[dict[str, object]]:
    """Return what the rules put in front of a single text: `TemplateProcessing`, alone or among others."""
    if not isinstance(rules, dict):
        return []
    several = rules.get("processors")
    if isinstance(several, list):
        return [part for one in several for part in _first_parts(one)]
    single = rules.get("single")
    first = single[0] if isinstance(single, list) and single else None
    token = first.get("SpecialToken") if isinstance(first, dict) else None
    return [token] if isinstance(token, dict) else []
