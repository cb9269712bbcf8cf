"""Names in docstrings find their entry in the API reference.

A docstring names a function where it stands in the package, ``lossbook.reduction.reduce``;
the reference lists it where readers import it from, ``lossbook.reduce``. Types of
annotations (``ArrayLike``) and internal exceptions have no entry and are shown without a link.
"""

from __future__ import annotations

from typing import Any

from sphinx.util.nodes import make_refnode

import lossbook

# The standard library and matplotlib, of which the book has no inventory.
OTHERS = {"math.fsum", "matplotlib.axes.Axes.annotate"}


def public(env: Any, target: str) -> Any:
    """The entry of a name in the reference, also if it is named where it is defined."""
    entries = env.get_domain("py").objects
    package, _, name = target.rpartition(".")
    if target in entries or package.split(".")[0] != "lossbook":
        return entries.get(target)
    # exact.slope and another module's slope are two.
    home = getattr(getattr(lossbook, name, None), "__module__", "")
    return entries.get(f"lossbook.{name}") if f"{home}.".startswith(f"{package}.") else None


def resolve(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """A link for a name that Sphinx does not find, the bare text, or None: a warning."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    if there := public(env, target):
        here, name = node["refdoc"], target.rpartition(".")[2]
        return make_refnode(app.builder, here, there.docname, there.node_id, contnode, name)
    is_type = node["reftype"] in ("class", "data", "exc", "obj") and "refwarn" not in node
    return contnode if is_type or target in OTHERS else None


def setup(app: Any) -> dict[str, Any]:
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
