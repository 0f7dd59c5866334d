"""Bundles for tests: sound ones, and a device that trusts who has made them."""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import msgspec

from agent import pinned
from agent.bundles import archive, writing
from agent.bundles import manifest as manifests
from agent.bundles.applying import apply
from agent.bundles.manifest import Manifest
from agent.bundles.minisign import write_signature
from agent.bundles.place import Place
from agent.bundles.secret_key import SecretKey
from agent.config import Config
from agent.models import ModelStore
from agent.profiles import built_in
from tests.gguf_files import gguf

KEY = SecretKey(b"edgewise", bytes(range(32)))
OTHER = SecretKey(b"stranger", bytes(32))
FAMILY = Path(__file__).parents[2] / "agent" / "families" / "phi.toml"
OLD, NEW = gguf(), gguf(more=b"")[:-64] + b"\1" * 64


@dataclass
class Device:
    """A device below a directory, whose owner trusts `KEY`."""

    root: Path
    allowed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state, self.file = self.root / "state", self.root / "etc" / "config.toml"
        if not self.file.exists():
            self.file.parent.mkdir(parents=True)
            self.file.write_text("# of the owner\ncontext = 512\nport = 8111\n")

    def place(self) -> Place:
        keys = [KEY.public().line()]
        return Place(Config(state_dir=self.state, bundle_keys=keys, bundle_settings=self.allowed), self.file)

    def apply(self, content: bytes, *, dry_run: bool = False) -> Manifest:
        return apply(self.place(), BytesIO(content), dry_run=dry_run)

    def models(self) -> dict[str, str]:
        store = ModelStore(self.state / "models")
        return {model.name: model.sha256 for model in store.installed()}

    def look(self) -> dict[str, bytes]:
        """Return all that an update can change; what describes a model only as far as it is there."""
        found = {"chosen": pinned.read(self.state).encode(), "config": self.file.read_bytes()}
        for name in ("models", "firmware-profiles", "families", "wheels"):
            for path in sorted((self.state / name).rglob("*")):
                relative = path.relative_to(self.state)
                if path.is_file() and not any(part.startswith(".") for part in relative.parts):
                    found[str(relative)] = b"" if path.name == "model.json" else path.read_bytes()
        return found

    def leftovers(self) -> list[str]:
        """Return what waits for the way back, or for nothing."""
        areas = [*self.place().areas, self.file.parent]
        return [str(path) for area in areas for path in area.rglob("*") if path.is_file() and path != self.file]


def make(  # noqa: PLR0913 - what a bundle can say
    root: Path,
    *,
    version: int = 1,
    model: bytes = OLD,
    settings: str = "",
    serve: str = "",
    key: SecretKey = KEY,
    **more: object,
) -> bytes:
    """Return a bundle with the model `tiny`, a profile, a family, a wheel and settings."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "tiny.gguf").write_bytes(model)
    (root / "board.toml").write_bytes(next(iter(sorted(built_in().glob("*.toml")))).read_bytes())
    (root / "phi.toml").write_bytes(FAMILY.read_bytes() + f"# {version}\n".encode())
    (root / "edgewise-9.0-py3-none-any.whl").write_bytes(b"wheel %d" % version)
    given = ["tiny.gguf", "profile:board.toml", "family:phi.toml", "edgewise-9.0-py3-none-any.whl"]
    if settings:
        (root / "settings.toml").write_text(settings)
        given.append("config:settings.toml")
    texts = [f"{kind}:{root}/{name}" if kind else f"{root}/{name}" for kind, _, name in (_split(one) for one in given)]
    found = [each for text in texts for each in writing.ingredients(text, ModelStore(root / "none"))]
    wanted = msgspec.structs.replace(Manifest(1, "acme", version, []), **more)
    manifest = writing.describe(wanted, found, serve=serve)
    writing.write(root / "made", manifest, [each.path for each in found], key)
    return (root / "made").read_bytes()


def _split(text: str) -> tuple[str, str, str]:
    kind, colon, name = text.rpartition(":")
    return kind, colon, name


def signed(manifest: bytes, *contents: bytes, key: SecretKey = KEY) -> bytes:
    """Return a bundle with any manifest at all, rightly signed."""
    members = [
        (archive.MANIFEST, manifest),
        (archive.SIGNATURE, write_signature(key.sign(manifest, "a test")).encode()),
    ]
    members += [(archive.part_name(number), content) for number, content in enumerate(contents)]
    return b"".join(member(name, content) for name, content in members) + archive.END


def member(name: str, content: bytes) -> bytes:
    """Return a member of an archive."""
    return archive.header(name, len(content)) + content + bytes(archive.padding(len(content)))


def changed(content: bytes, **fields: object) -> bytes:
    """Return a sound bundle's manifest with other fields, signed anew, with the parts as they were."""
    size = archive.size_in(content[: archive.BLOCK], archive.MANIFEST, manifests.LARGEST)
    document = msgspec.json.decode(content[archive.BLOCK : archive.BLOCK + size])
    return signed(msgspec.json.encode({**document, **fields}))
