"""Names in docstrings find their entry in the API reference.

A docstring names a function where it stands in the package, ``lossbook.reduction.reduce``;
the reference lists it where readers import it from, ``lossbook.reduce``. Types of
annotations (``ArrayLike``) and internal exceptions have no entry and are shown without a link.
"""

from __future__ import annotations

from typing import Any

from sphinx.util.nodes import make_refnode

OTHERS = {"math.fsum"}  # the standard library, of which the book has no inventory


def resolve(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """A link for a name that Sphinx does not find, the bare text, or None: a warning."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    package, _, name = target.rpartition(".")
    public = env.get_domain("py").objects.get(f"lossbook.{name}")
    if package.split(".")[0] == "lossbook" and public:
        here, there = node["refdoc"], public.docname
        return make_refnode(app.builder, here, there, public.node_id, contnode, name)
    is_type = node["reftype"] in ("class", "data", "exc", "obj") and "refwarn" not in node
    return contnode if is_type or target in OTHERS else None


def setup(app: Any) -> dict[str, Any]:
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
