from __future__ import annotations

from hypothesis import settings

# Nothing is written into the project, and a busy machine is no failure.
settings.register_profile("core", database=None, deadline=None)
settings.load_profile("core")
