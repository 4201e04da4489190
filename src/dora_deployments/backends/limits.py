"""How fast a backend takes deployments, where many are sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`a_minute` is the most requests in a minute, `apart` the seconds between two of a service."""

    a_minute: int | None = None
    apart: float = 0.0
