"""What a loss moves: the operations of torch, one by one, and the bytes that they touch.

The counts depend on shapes alone, so they are the same on every machine. An operation counts
for what goes in and what comes out. What it makes and forgets inside is not seen.
"""

from __future__ import annotations

import math
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CACHE, PAGE = 2**23, 2**12  # bytes
BY_INDEX = ("gather", "index", "nll_loss", "scatter")  # they read what the indices name
UNREAD = ("copy_", "fill_", "zero_")  # they overwrite their first argument


class Traffic(TorchDispatchMode):
    """Counts the operations that run inside.

    ``moved`` are the bytes that operations read and write. ``missed`` are those of them that
    have to come from memory, or get there, past a cache of so many bytes that drops what was
    not used for the longest time. ``new`` are the bytes of new arrays, ``most`` is how many
    of them there are at a time.
    """

    def __init__(self, cache: int = CACHE) -> None:
        super().__init__()
        self.room, self.pages = cache // PAGE, OrderedDict()
        self.operations = self.moved = self.missed = self.new = self.alive = self.most = 0

    def __torch_dispatch__(
        self, op: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        made = op(*args, **kwargs)
        if op.is_view or op.overloadpacket.__name__ in ("detach", "_unsafe_view"):
            return made
        self.operations += 1
        given, written = _tensors((args, kwargs)), _tensors(made)
        self._count_new(written, {_key(x) for x in given})
        name = op.overloadpacket.__name__
        if not name.startswith(("empty", "new_empty")):
            for x in _read(name, args, given, kwargs):
                self._touch(x, change=False)
            for x in written:
                self._touch(x, change=True)
        return made

    def _count_new(self, written: list[torch.Tensor], old: set[int]) -> None:
        for x in written:
            if _key(x) in old:
                continue
            storage = x.untyped_storage()
            size = storage.nbytes()
            self.new += size
            self.alive += size
            self.most = max(self.most, self.alive)
            weakref.finalize(storage, self._forget, _key(x), size)

    def _touch(self, x: torch.Tensor, change: bool) -> None:
        self.moved += _bytes(x)
        for page in _pages(x):
            known = self.pages.pop(page, None)
            if known is None and not change:
                self.missed += PAGE
            self.pages[page] = change or bool(known)
            if len(self.pages) > self.room:
                self._write_back(self.pages.popitem(last=False)[1])

    def _write_back(self, changed: bool) -> None:
        self.missed += PAGE if changed else 0

    def _forget(self, key: int, size: int) -> None:
        """An array that nobody needs is not written to memory."""
        self.alive -= size
        for page in [p for p in self.pages if p[0] == key]:
            del self.pages[page]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for changed in self.pages.values():
            self._write_back(changed)
        self.pages.clear()


def traffic(loss: Callable[..., torch.Tensor], x: torch.Tensor, *others: Any) -> Traffic:
    """The traffic of a loss, with its gradient for ``x``."""
    x = x.detach().requires_grad_()
    with Traffic() as found:
        (gradient,) = torch.autograd.grad(loss(x, *others), x)
    assert gradient.shape == x.shape
    return found


def least(x: torch.Tensor, *others: torch.Tensor) -> int:
    """The bytes of the inputs, read once, and of the gradient for ``x``, written once."""
    return sum(map(_bytes, (x, *others))) + _bytes(x)


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [x for x in tree_leaves(tree) if isinstance(x, torch.Tensor)]


def _key(x: torch.Tensor) -> int:
    return x.untyped_storage()._cdata


def _bytes(x: torch.Tensor) -> int:
    """Of a number that stands for many, those of the number."""
    return min(x.numel() * x.itemsize, x.untyped_storage().nbytes())


def _read(name: str, args: tuple, given: list, kwargs: dict) -> list[torch.Tensor]:
    """What an operation reads of what is given to it."""
    if "_like" in name or name.startswith("new_"):
        return []
    if any(word in name for word in BY_INDEX):
        few = min(x.numel() for x in given if not x.is_floating_point())
        return [x for x in given if x.numel() <= few]
    unread = [kwargs.get("out"), args[0] if name in UNREAD else None]
    return [x for x in given if not any(x is u for u in unread)]


def _pages(x: torch.Tensor) -> Iterator[tuple[int, int]]:
    first = x.storage_offset() * x.itemsize
    last = first + _bytes(x)
    return ((_key(x), page) for page in range(first // PAGE, math.ceil(last / PAGE)))
