"""The icon fonts of the theme, without the thousands of icons that no page shows.

They would be the second heaviest part of a first visit.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fontTools import subset

NAME = re.compile(r"\bfa-[a-z0-9-]+")
RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
CODE = re.compile(r"\\([ef][0-9a-f]{3})\b|([\ue000-\uf8ff])")
logging.getLogger("fontTools").setLevel(logging.WARNING)  # else it tells each step
# The fonts in another format; writing that would need one more package.
WOFF2 = re.compile(r'url\([^)]*fontawesome[^)]*\.woff2\) format\("woff2"\),\s*')


def codes(styles: Iterable[str], names: set[str]) -> set[int]:
    """The characters of the icons with these names, and of those that a style shows by itself."""
    found: set[int] = set()
    for style in styles:
        for selectors, body in RULE.findall(style):
            icons = set(NAME.findall(selectors))
            if not icons or icons & names:
                found |= {int(c, 16) if c else ord(char) for c, char in CODE.findall(body)}
    return found


def keep_used(app: Any, exception: Exception | None) -> None:
    """Rewrite the fonts of the built site."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    texts = [*out.rglob("*.html"), *static.rglob("*.js")]
    names = {n for path in texts for n in NAME.findall(path.read_text(encoding="utf-8"))}
    styles = {path: path.read_text(encoding="utf-8") for path in static.rglob("*.css")}
    used = codes(styles.values(), names)
    for path, style in styles.items():
        if (lighter := WOFF2.sub("", style)) != style:
            path.write_text(lighter, encoding="utf-8")
    for path in static.glob("vendor/fontawesome/webfonts/*"):
        if path.suffix == ".woff2":
            path.unlink()
        elif path.suffix == ".ttf":
            keep(path, used)


def keep(path: Path, characters: set[int]) -> None:
    options = subset.Options()
    font = subset.load_font(path, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    subset.save_font(font, path, options)


def setup(app: Any) -> dict[str, Any]:
    app.connect("build-finished", keep_used, priority=950)  # after reader's repairs
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
