"""Fixtures that several test files use."""

import os

from small_chapter import chapter

# What jax compiles for a test runs once or twice: faster code would come too late.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


__all__ = ["chapter"]

collect_ignore_glob = ["data/*"]  # assignments and answers to them: read, not imported
