"""How a parser refuses: the words that follow the input's name."""

from collections.abc import Callable
from typing import Any

import pytest

from dora_deployments.actions.strict_json import JsonError


def refusal(parser: Callable[[Any], object], value: object) -> str:
    """Return the message of the `ValueError` of ours (no foreign subclass) that `value` makes."""
    with pytest.raises(ValueError, match=r".") as raised:
        parser(value)
    assert raised.type in {ValueError, JsonError}
    return str(raised.value)
