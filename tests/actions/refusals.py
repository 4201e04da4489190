"""How a parser refuses: the words that follow the input's name."""

from collections.abc import Callable
from typing import Any

import pytest


def refusal(parser: Callable[[Any], object], value: object) -> str:
    """Return the message of the `ValueError` (and no subclass) that `value` makes."""
    with pytest.raises(ValueError, match=r".") as raised:
        parser(value)
    assert raised.type is ValueError
    return str(raised.value)
