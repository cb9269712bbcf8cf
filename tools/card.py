#!/usr/bin/env python3
"""Draw book/_static/card.png: what a message or a post shows when it links to the book.

python tools/card.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from lossbook import binary_cross_entropy, brier_score

TARGET = Path(__file__).resolve().parent.parent / "book/_static/card.png"
PAPER, INK, QUIET, WARM = "#12324f", "#ffffff", "#b9cbdc", "#f0a82b"


def card() -> Figure:
    """The name of the book beside the two curves of its logo; 1200 by 630 pixels at 100 dpi."""
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor=PAPER)
    figure.text(0.07, 0.60, "lossbook", color=INK, size=68, weight="bold")
    for y, line in ((0.455, "Loss functions:"), (0.375, "derived, checked and run")):
        figure.text(0.072, y, line, color=INK, size=29)
    figure.text(0.072, 0.25, "Ten chapters that run, and a Python package", color=QUIET, size=17)

    ax = figure.add_axes((0.60, 0.14, 0.36, 0.72))
    ax.axis("off")
    logits = np.linspace(-3.2, 2.6, 400)
    yes, each = np.ones_like(logits), {"reduction": "none"}
    squared = brier_score(logits, yes, **each)
    entropy = binary_cross_entropy(logits, yes, **each)
    ax.plot(logits, squared, color=WARM, lw=9, solid_capstyle="round")
    ax.plot(logits, entropy, color=INK, lw=9, solid_capstyle="round")
    ax.text(-2.6, 3.0, "cross-entropy", color=INK, size=19)
    ax.text(-3.25, 0.2, "squared error", color=WARM, size=19)
    ax.set(xlim=(-3.4, 2.8), ylim=(-0.1, 3.4))
    return figure


def main() -> None:
    mpl.rcParams["font.family"] = "DejaVu Sans"
    # Without matplotlib's version in it, the file changes only when the picture does.
    card().savefig(TARGET, metadata={"Software": None})
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
