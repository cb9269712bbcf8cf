"""Fixtures that several test files use."""

from small_chapter import chapter

__all__ = ["chapter"]
