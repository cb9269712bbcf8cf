"""The catalogue: one entry for each loss and function, in plain data.

From an entry come the tests that every loss must pass, the verification table in its
chapter, and what the book says of it elsewhere. To add a loss to the package, write its
rule and its public function, and add an entry to the module of its chapter here.
"""

from lossbook.catalogue import (
    binary,
    boxes,
    categorical,
    contrastive,
    divergence,
    odds,
    ranking,
    reduction,
    regression,
    softmax,
)
from lossbook.catalogue.entry import Entry, Input, Parameter, Peer

__all__ = ["CATALOGUE", "Entry", "Input", "Parameter", "Peer", "entry"]

#: All losses and functions that the book derives, in the order of its chapters.
CATALOGUE: tuple[Entry, ...] = (
    *odds.ENTRIES,
    *softmax.ENTRIES,
    *binary.ENTRIES,
    *categorical.ENTRIES,
    *divergence.ENTRIES,
    *regression.ENTRIES,
    *boxes.ENTRIES,
    *ranking.ENTRIES,
    *contrastive.ENTRIES,
    *reduction.ENTRIES,
)


def entry(name: str) -> Entry:
    """The entry of a loss or function.

    Raises
    ------
    KeyError
        If there is none of that name.

    Examples
    --------
    >>> entry("sigmoid").formula
    '1/(1 + exp(-z))'
    """
    found = {e.name: e for e in CATALOGUE}
    if name not in found:
        raise KeyError(f"no entry {name!r} in the catalogue, there are {sorted(found)}")
    return found[name]
