"""What decides a selection, made for a test: small models, a family file of the user's, the speed of this computer."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent.config import Config
from agent.measurements import Measurements
from agent.speed import Rates
from agent.survey import Surveyor
from benchmarks import models
from tests.fake_hub import HubFile
from tests.shape.tiny_models import TINY

RECIPE = replace(TINY["llama"], quantization="Q4_0")
_ALIGNMENT = 32
_STRING = 8  # type of a value in GGUF
_HEAD = 24  # bytes before the first key

# So slow that no run misses what follows from it, and so quick that every run does.
MODEST, ABSURD = 1e8, 1e15


def small_model(path: Path, template: str = "") -> Path:
    """Write a model of some MiB that llama.cpp runs; what it says means nothing. The file's name makes it unique."""
    models.write(RECIPE, path)
    add_text(path, "general.name", path.stem)
    if template:
        add_text(path, "tokenizer.chat_template", template)
    return path


def add_text(path: Path, key: str, text: str) -> None:
    """Add a key to the metadata of a model file, padded with spaces so that the tensors stay aligned."""
    length = 8 + len(key) + 4 + 8 + len(text)
    text += " " * (-length % _ALIGNMENT)
    added = struct.pack("<Q", len(key)) + key.encode() + struct.pack("<IQ", _STRING, len(text)) + text.encode()
    data = path.read_bytes()
    (count,) = struct.unpack_from("<Q", data, 16)
    path.write_bytes(data[:16] + struct.pack("<Q", count + 1) + added + data[_HEAD:])


@dataclass(frozen=True)
class Entry:
    """A model in a family file: its name there, where it is to be had, and how good it is said to be."""

    name: str
    reference: str
    bytes: int
    quality: float = 99.0
    thinking: str = "never"

    def toml(self) -> str:
        """Return the part of the family file."""
        heads, layers = RECIPE.heads, RECIPE.layers
        attention = f"layers = {layers}, heads = {heads}, kv_heads = {RECIPE.kv_heads}"
        return f"""
            [[models]]
            name = "{self.name}"
            title = "{self.name.title()}"
            released = "2026-01-01"
            licence = "MIT"
            use = ["chat"]
            thinking = "{self.thinking}"
            files = [{{ reference = "{self.reference}", quantization = "Q4_0", bytes = {self.bytes} }}]
            [models.quality]
            score = {self.quality}
            source = "this test"
            estimated = false
            mode = "answer"
            [models.shape]
            architecture = "llama"
            parameters = {self.bytes * 2}
            active = {self.bytes * 2}
            layers = {layers}
            embedding = {RECIPE.embedding}
            feed_forward = {RECIPE.feed_forward}
            vocabulary = {RECIPE.vocabulary}
            context = {RECIPE.context}
            tied = true
            attention = [{{ {attention}, key_length = {RECIPE.head}, value_length = {RECIPE.head} }}]
        """


def on_hub(path: Path) -> tuple[str, dict[str, dict[str, HubFile]]]:
    """Return how a model file is called on a hub, and the hub's repositories with it."""
    return f"hf:me/it/{path.name}", {"me/it": {path.name: HubFile(path.read_bytes())}}


def write_family(home: Path, *entries: Entry) -> None:
    """Write a family file into a home directory."""
    folder = home / ".config" / "edgewise" / "families"
    folder.mkdir(parents=True, exist_ok=True)
    models = "".join(entry.toml() for entry in entries) or "models = []"
    text = f'title = "Mine"\npublisher = "me"\n{models}'
    (folder / "mine.toml").write_text(text)


async def know_speed(config: Config, bandwidth: float) -> None:
    """Let it be known that this computer decodes with so many bytes per second, so that nothing is measured."""
    measurements = _Known(config.state_dir / "measurements.json", bandwidth)
    await Surveyor(config, measurements, {}).survey()


class _Known(Measurements):
    """Keeps a speed under whatever key it is asked for."""

    def __init__(self, path: Path, bandwidth: float) -> None:
        super().__init__(path)
        self._bandwidth = bandwidth

    def rates(self, key: str) -> Rates | None:
        """Keep the speed, and return it."""
        self.keep_rates(key, rates(self._bandwidth))
        return super().rates(key)


def rates(bandwidth: float) -> Rates:
    """Return rates that depend on the bandwidth alone."""
    quick: Mapping[str, float] = {"": 1e15}
    return Rates(
        source="this test",
        measured=True,
        decode={"": bandwidth},
        prefill=dict(quick),
        rows={},
        attention_decode=dict(quick),
        attention_prefill=dict(quick),
        experts_decode=1.0,
        experts_prefill=1.0,
        operation=0.0,
        multiplication=0.0,
    )
