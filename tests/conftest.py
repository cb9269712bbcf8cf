"""Fixtures that several test files use."""

from small_chapter import chapter

__all__ = ["chapter"]

collect_ignore_glob = ["data/*"]  # assignments and answers to them: read, not imported
