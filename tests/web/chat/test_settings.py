import pytest

from agent.chat.records import ChatSettings
from agent.errors import InputError
from web.chat.settings import read_settings


def test_empty_fields_are_left_to_the_model() -> None:
    assert read_settings({"system": " ", "temperature": "", "thinking": ""}) == ("", ChatSettings())


def test_every_field_is_read() -> None:
    form = {
        "system": "Be\r\nbrief.",
        "temperature": "0,7",
        "top_p": "0.9",
        "top_k": "20",
        "min_p": "0.1",
        "repeat_penalty": "1.1",
        "seed": "7",
        "max_tokens": "300",
        "thinking": "off",
    }
    settings = ChatSettings(0.7, 0.9, 20, 0.1, 1.1, 7, 300, thinking=False)
    assert read_settings(form) == ("Be\nbrief.", settings)


@pytest.mark.parametrize("value", ["3", "-1", "nan", "inf", "warm"])
def test_a_value_out_of_range_is_refused_with_its_name(value: str) -> None:
    with pytest.raises(InputError, match="temperature") as caught:
        read_settings({"temperature": value})
    assert caught.value.field == "temperature"
