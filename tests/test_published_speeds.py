"""What the profiles let expect is near what others have measured."""

import pytest

from tests.published_speeds import TOLERANCE, Speed, models, predicted, profiles, published


@pytest.mark.parametrize("speed", published(), ids=lambda speed: f"{speed.profile} {speed.model} {speed.source}")
def test_a_prediction_is_within_a_quarter_of_the_published_speed_or_the_miss_is_explained(speed: Speed) -> None:
    error = predicted(speed, profiles(), models()) / speed.decode - 1
    assert (abs(error) > TOLERANCE) == bool(speed.miss), f"{error:+.0%}"
