"""The published decode speeds, beside what the profiles let expect for the same model and quantization."""

from pathlib import Path

import msgspec

from agent.catalog import Model, load_catalog
from agent.plan import Plan
from agent.profiles import Profile, built_in, load_profiles
from agent.shape.published import shape_from
from agent.speed import predict
from agent.strict_toml import read
from agent.survey import expected_rates

TOLERANCE = 0.25
_FILE = Path(__file__).with_suffix(".toml")
_PLAN = Plan(context=4096, parallel=1, threads=4, micro_batch=512)


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One published figure; `miss` says why a prediction is off by more than the tolerance."""

    profile: str
    model: str
    quantization: str
    decode: float
    source: str
    miss: str = ""


class _Speeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    speeds: list[Speed]


def published() -> list[Speed]:
    """Return all figures, in the order of the file."""
    return read(_FILE, _Speeds).speeds


def predicted(speed: Speed, profiles: dict[str, Profile], models: dict[str, Model]) -> float:
    """Return the tokens per second that the profile lets expect."""
    model = models[speed.model]
    assert model.shape is not None
    file = next(file for file in model.files if file.quantization == speed.quantization)
    rates = expected_rates(profiles[speed.profile], first=True)
    return predict(shape_from(model.shape, file), _PLAN, rates).decode


def profiles() -> dict[str, Profile]:
    """Return the built-in profiles by name."""
    return {profile.name: profile for profile in load_profiles(built_in())}


def models() -> dict[str, Model]:
    """Return the catalogue by name."""
    return {model.name: model for model in load_catalog()}
