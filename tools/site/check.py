#!/usr/bin/env python3
"""Try the built book as its readers meet it: in a browser, below a path, with no other host.

    python tools/site/check.py [_build/html]

First the files are read: links, anchors, alternative texts, tracebacks. Then Chromium opens every
page at 1280 px, light and dark, and as a phone of 390 px, and uses the controls by keyboard; some
pages it opens from disk as well.
Exit status: 0 all well; 1 faults, each with its page and place; 2 it could not be tried.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import browser
import pages
from browser import PHONE, WIDE, Mode, Seen
from playwright.async_api import Browser, Error, async_playwright
from served import Site

MB = 2**20
LIMIT, LIMIT_LIVE = (
    MB,
    1.4 * MB,
)  # bytes of a first visit, compressed, without and with live figures
SECONDS = 180.0  # that one visit may take; on an idle machine it takes ten
TOGETHER = 2  # visits at a time
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = """\
A browser is needed, and none of {} was found.
On Debian: apt-get install chromium. Elsewhere: make site-test CHROMIUM=/path/to/chromium"""


def find_browser() -> str:
    """The browser that CHROMIUM names, or an installed one."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        print(NO_BROWSER.format(", ".join(NAMES)), file=sys.stderr)
        sys.exit(2)
    return found


class Round:
    """All visits: which ran, what they brought."""

    def __init__(
        self, chromium: Browser, site: Site, read: dict[str, pages.Page], seconds: float
    ) -> None:
        self.browser, self.site, self.read, self.seconds = chromium, site, read, seconds
        self.faults: list[tuple[str, str, str]] = []  # page, where, what
        self.visits: dict[tuple[str, str], Seen] = {}
        self.slots, self.clipboard = asyncio.Semaphore(TOGETHER), asyncio.Lock()
        self.planned = 0

    async def visit(
        self,
        name: str,
        where: str,
        mode: Mode,
        steps: Callable[..., Awaitable[None]],
        *given: object,
    ) -> None:
        """One page in one mode, within its time."""
        disk = "disk" in where
        origin = "file://" if disk else self.site.origin
        url = (self.site.root.as_uri() + "/" if disk else self.site.url) + name
        self.planned += 1
        async with self.slots:
            started, seen = time.monotonic(), Seen()
            try:
                async with (
                    asyncio.timeout(self.seconds),
                    browser.opened(self.browser, origin, mode) as (
                        page,
                        seen,
                    ),
                ):
                    await steps(page, seen, url, *given)
            except TimeoutError:
                seen.faults.append(f"the visit: expected an end within {self.seconds:g} s")
            except (Error, AssertionError) as error:
                seen.faults.append(f"the visit broke off: {' '.join(str(error).split())[:300]}")
        self.visits[name, where] = seen
        found = dict.fromkeys(seen.faults)
        self.faults += [(name, where, fault) for fault in found]
        took, count = time.monotonic() - started, len(self.visits)
        print(f"{count:3} of {self.planned}  {took:3.0f} s  {name}, {where}"
              + f": {len(found)} faults" * bool(found), flush=True)  # fmt: skip

    async def all(self, names: list[str]) -> None:
        start = next((n for n in names if Path(n).name[0].isdigit() and "/" in n), names[0])
        live = [name for name in names if self.read[name].live][:1]
        cover = [name for name in names if name.endswith("index.html")][:1]
        word = max(self.read[start].title.split(), key=len)
        wide, phone = browser.read_wide, browser.read_on_phone
        # The menus are the same on every page, so one audit of them will do.
        await asyncio.gather(
            *(self.visit(n, "1280", WIDE, wide, self.clipboard) for n in names),
            *(self.visit(n, "390", PHONE, phone, n == start) for n in names),
            *(self.visit(n, "from disk", WIDE, browser.read_from_disk)
              for n in dict.fromkeys([*cover, start, *live])),
            *(self.visit(start, where, WIDE, browser.search, word, start.rpartition("/")[2])
              for where in ("search", "search from disk")),
        )  # fmt: skip


def weigh(tried: Round) -> dict[str, int]:
    """The bytes of each first visit; what is over its limit becomes a fault."""
    weights = {}
    for (name, where), seen in tried.visits.items():
        if where != "1280":
            continue
        weight, limit = sum(map(tried.site.weight, seen.urls)), limit_of(tried.read[name])
        weights[name] = weight
        if weight > limit:
            heavy = sorted(seen.urls, key=tried.site.weight, reverse=True)[:5]
            parts = ", ".join(
                f"{url.removeprefix(tried.site.url).partition('?')[0]} {tried.site.weight(url):,}"
                for url in heavy
            )
            tried.faults.append((name, where, f"{parts}, ...: {weight:,} bytes compressed, "
                                 f"expected at most {limit:,.0f}"))  # fmt: skip
    return weights


def limit_of(page: pages.Page) -> float:
    return LIMIT_LIVE if page.live else LIMIT


async def explore(
    site: Site, read: dict[str, pages.Page], names: list[str], seconds: float
) -> tuple[Round, str]:
    async with async_playwright() as playwright:
        try:
            chromium = await playwright.chromium.launch(
                executable_path=find_browser(),
                args=["--disable-gpu", "--disable-background-networking"],
            )
        except Error as error:
            print(f"The browser does not start: {error.message}", file=sys.stderr)
            sys.exit(2)
        tried, version = Round(chromium, site, read, seconds), chromium.version
        await tried.all(names)
        await chromium.close()
    return tried, version


def summary(tried: Round, weights: dict[str, int], read: dict[str, pages.Page]) -> None:
    for kind, limit in (("without live figures", LIMIT), ("with live figures", LIMIT_LIVE)):
        if fitting := [name for name in weights if limit_of(read[name]) == limit]:
            name = max(fitting, key=weights.__getitem__)
            print(f"heaviest first visit {kind}: {name}, {weights[name] / MB:.2f} MB compressed, "
                  f"of at most {limit / MB:.1f} (1 MB is 2^20 bytes)")  # fmt: skip
    seen = tried.visits.values()
    print(f"{len(weights)} pages at 1280 px light and dark and at 390 px; "
          f"{sum(len(page.links) for page in read.values()):,} links, "
          f"{sum(s.buttons for s in seen)} copy buttons, "
          f"{sum(s.sliders for s in seen)} sliders")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("site", nargs="?", type=Path, default=Path("_build/html"))
    parser.add_argument("--only", default="", help="open only pages with this in their path")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="the limit of one visit")
    given = parser.parse_args()
    root, started = given.site, time.monotonic()
    if not (root / "index.html").is_file():
        print(f"{root}/index.html is not there: make book", file=sys.stderr)
        return 2
    find_browser()
    read = pages.read(root)
    names = [name for name, page in read.items() if not page.leads_on and given.only in name]
    if not names:
        print(f"no page has {given.only!r} in its path", file=sys.stderr)
        return 2
    faults = [(name, "file", fault) for name, fault in dict.fromkeys(pages.faults(root, read))]
    with Site(root) as site:
        tried, version = asyncio.run(explore(site, read, names, given.seconds))
        weights = weigh(tried)
    faults += tried.faults
    print(f"\n== the site, in Chromium {version}, in {time.monotonic() - started:.0f} s")
    summary(tried, weights, read)
    for name, where, fault in sorted(faults):
        print(f"{name} [{where}] {fault}", file=sys.stderr)
    print(f"{len(faults)} faults" if faults else "No faults.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
