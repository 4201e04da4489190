"""How the tests run: few examples of each property, so that all of them end soon."""

from hypothesis import settings

pytest_plugins = ["tests.faults.plugin"]

settings.register_profile("short", max_examples=40, deadline=None)
settings.load_profile("short")
