"""The first use of each word of the glossary in a chapter leads to its entry.

The words are found in the text, so that the notebooks stay plain in Jupyter. A word is linked
as the glossary has it and with an s; lines above its entry there say otherwise:

    .. also: batches     further forms
    .. only: negatives   these forms, and not the word itself
    .. not in: 3, 10     chapters in which it means something else
    .. not linked        it means too many things in any chapter
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

CHAPTER = re.compile(r"(?:.*/)?(\d\d)-")
ENTRY = re.compile(r"^((?:\.\. .*\n)*)(\w.*)\n((?:  .+\n)+)", re.M)
RULE = re.compile(r"\.\. (also|only|not in|not linked)(?:: (.+))?\n")
# Where a link would be wrong, or one in another.
CLOSED = (
    nodes.reference, addnodes.pending_xref, nodes.title, nodes.caption, nodes.literal, nodes.math,
    nodes.table, nodes.footnote, nodes.citation,
)  # fmt: skip


class Entry(NamedTuple):
    word: str
    forms: tuple[str, ...]
    elsewhere: frozenset[int]  # chapters that mean something else
    meaning: str


def entries(text: str) -> Iterator[Entry]:
    """The words of a glossary's source, the forms to link, and what they mean."""
    for lines, word, definition in ENTRY.findall(text.partition("```{glossary}\n")[2]):
        rules = {name: listed.split(", ") for name, listed in RULE.findall(lines)}
        if len(rules) != lines.count("\n"):
            raise ExtensionError(f"The glossary says {lines!r} of {word!r}: see {__name__}.py")
        own = [] if rules.keys() & {"only", "not linked"} else [word, f"{word}s"]
        forms = (*own, *rules.get("also", ()), *rules.get("only", ()))
        elsewhere = frozenset(map(int, rules.get("not in", ())))
        yield Entry(word, forms, elsewhere, " ".join(definition.split()).partition(" See [")[0])


@functools.cache
def lookup(path: str, changed: float) -> tuple[dict[str, Entry], re.Pattern[str]]:
    """The entry of each form, and a pattern that finds any of them, the longest first."""
    known = {f: e for e in entries(Path(path).read_text(encoding="utf-8")) for f in e.forms}
    # A sentence may begin with it.
    known |= {f[0].upper() + f[1:]: e for f, e in known.items()}
    longest = "|".join(re.escape(f) for f in sorted(known, key=len, reverse=True))
    return known, re.compile(rf"(?<![\w-])(?:{longest})(?![\w-])")


class GlossaryLinks(SphinxPostTransform):
    default_priority = 500  # all other links are there

    def run(self, **kwargs: Any) -> None:
        terms = {
            name: place for (kind, name), place in self.env.get_domain("std").objects.items()
            if kind == "term"
        }  # fmt: skip
        chapter = CHAPTER.match(self.env.docname)
        if not terms or not chapter:
            return
        path = self.env.doc2path(next(iter(terms.values()))[0])
        known, pattern = lookup(path, Path(path).stat().st_mtime)
        done = {e.word for e in known.values() if int(chapter[1]) in e.elsewhere}
        for text in list(self.document.findall(nodes.Text)):
            if open_to_links(text):
                text.parent.replace(text, list(self.linked(text, known, pattern, terms, done)))

    def linked(
        self,
        text: nodes.Text,
        known: dict[str, Entry],
        pattern: re.Pattern[str],
        terms: dict[str, tuple[str, str]],
        done: set[str],
    ) -> Iterator[nodes.Node]:
        """The text with links from the words that are not done."""
        start = 0
        for found in pattern.finditer(text):
            entry = known[found[0]]
            if entry.word in done:
                continue
            done.add(entry.word)
            yield nodes.Text(text[start : found.start()])
            here, (there, anchor) = self.env.docname, terms[entry.word]
            inner = nodes.inline("", found[0])
            link = make_refnode(self.app.builder, here, there, anchor, inner, entry.meaning)
            link["classes"].append("glossary-word")
            yield link
            start = found.end()
        yield nodes.Text(text[start:])


def open_to_links(text: nodes.Text) -> bool:
    around, node = [], text.parent
    while node is not None:
        around.append(node)
        node = node.parent
    return any(isinstance(n, nodes.paragraph) for n in around) and not any(
        isinstance(n, CLOSED) or "cell_output" in n.get("classes", ()) for n in around
    )


def setup(app: Any) -> dict[str, Any]:
    app.add_post_transform(GlossaryLinks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
