"""What the PDF shows where a page is HTML: tables, live figures, and numbers of pages.

A notebook's outputs hold HTML and plain text. Here a table becomes one of LaTeX's, and a live
figure a picture with its sliders where they start. The pages that are empty on paper are left
out, and the topics name their pages.
"""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

SPEC = re.compile(r'<script type="application/json">(.*?)</script>', re.S)
EMPTY = {"references", "status"}  # the bibliography stands at the end
WIDEST = 80  # characters of a row that fit a line


class Outputs(SphinxPostTransform):
    default_priority = 3  # just before myst_nb chooses one of the forms of each output
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            html = "".join(raw.astext() for raw in bundle.findall(nodes.raw))
            if html.startswith('<table class="lossbook-table"'):
                bundle.replace_self(list(table(html)))
            elif found := SPEC.search(html):
                bundle.replace_self(self.picture(json.loads(found[1])))

    def picture(self, spec: dict[str, Any]) -> list[nodes.Node]:
        # Only here: it is large, and only the PDF needs it.
        import vl_convert

        data = vl_convert.vegalite_to_pdf(spec)
        path = Path(self.app.doctreedir) / f"{sha256(data).hexdigest()}.pdf"
        path.write_bytes(data)
        relative = os.path.relpath(path, self.env.srcdir)
        self.env.images.add_file(self.env.docname, relative)
        image = nodes.image("", uri=relative, candidates={"*": relative}, alt=spec["description"])
        starts = [f"{p['bind']['name']} = {p['value']}" for p in spec["params"] if "bind" in p]
        return [image, nodes.paragraph("", f"Live on the site; here {', '.join(starts)}.")]


def table(html: str) -> Iterator[nodes.Node]:
    """A table of lossbook.show as LaTeX sets one, below its caption."""
    source = ET.fromstring(html)
    rows = [list(row) for row in source.iter("tr")]
    widths = [max(map(length, column)) for column in zip(*rows, strict=True)]
    caption = source.find("caption")
    if caption is not None:
        yield nodes.paragraph("", "", *inline(caption))
    numeric = ["number" in cell.get("class", "") for cell in rows[-1]]
    yield addnodes.tabular_col_spec(spec=columns(widths, numeric))
    group = nodes.tgroup(cols=len(widths))
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += [nodes.thead("", line(rows[0])), nodes.tbody("", *map(line, rows[1:]))]
    yield nodes.table("", group)


def columns(widths: list[int], numeric: list[bool]) -> str:
    """One letter for each column if all fit, else each column's share of the line."""
    if sum(widths) + 3 * len(widths) <= WIDEST:
        return "".join("r" if n else "l" for n in numeric)
    wide = [min(max(w, 8), 40) for w in widths]
    return "".join(rf"\X{{{w}}}{{{sum(wide)}}}" for w in wide)


def length(cell: ET.Element) -> int:
    return len("".join(cell.itertext()))


def line(cells: list[ET.Element]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *inline(c))) for c in cells))


def inline(element: ET.Element) -> Iterator[nodes.Node]:
    """The text of a cell with its code and formulas."""
    yield nodes.Text(element.text or "")
    for child in element:
        text = "".join(child.itertext())
        if child.tag == "code":
            for part in re.split(r"(?<=_)(?=\w)", text):
                yield nodes.literal(part, part)
                yield nodes.raw("", r"\allowbreak{}", format="latex")
        elif "math" in child.get("class", ""):
            formula = text.removeprefix(r"\(").removesuffix(r"\)")
            yield nodes.math(formula, formula)
        else:
            yield nodes.Text(text)
        yield nodes.Text(child.tail or "")


class Pages(SphinxPostTransform):
    default_priority = 800  # the bibliography has moved to the end
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        for page in list(self.document.findall(addnodes.start_of_file)):
            name = str(page["docname"]).rpartition("/")[2]
            if name in EMPTY:
                page.parent.remove(page)
            elif name == "topics":
                for link in list(page.findall(nodes.reference)):
                    number(link)


def number(link: nodes.reference) -> None:
    """Add the number of the page to a link within the book."""
    target = link.get("refuri", "")
    if target.startswith("%"):
        label = target[1:].replace("#", ":")
        code = rf", p.~\pageref{{\detokenize{{{label}}}}}"
        link.parent.insert(link.parent.index(link) + 1, nodes.raw("", code, format="latex"))


def count_by_chapter(app: Any) -> None:
    """Definition 1.2, as on the site, not 1.3.2: sphinx_jupyterbook_latex asks for three."""
    if app.builder.format == "latex":
        app.config.numfig_secnum_depth = 1


def count_by_part(app: Any, env: Any) -> list[str]:
    """Once those numbers are given: LaTeX counts figures itself, in chapters of parts."""
    if app.builder.format == "latex":
        app.config.numfig_secnum_depth = 2
    return []


def setup(app: Any) -> dict[str, Any]:
    app.add_post_transform(Outputs)
    app.add_post_transform(Pages)
    app.connect("builder-inited", count_by_chapter, priority=900)
    app.connect("env-get-updated", count_by_part, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
