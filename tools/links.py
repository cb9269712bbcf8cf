#!/usr/bin/env python3
"""Ask for every external page that the built site links to.

    python tools/links.py _build/html

A link is broken where the page is gone (404, 410) or its host cannot be reached. A host that
refuses a program, or fails for the moment, is named and does no harm.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path

GONE = (404, 410)
TRIES = 3
PAUSE = 5.0  # seconds, before another try
AGENT = "Mozilla/5.0 (link check of a book)"  # some hosts refuse Python's own name
Verdict = tuple[str, str]  # "fine", "unsure" or "broken", and why


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href") or ""
        if tag == "a" and target.startswith(("http://", "https://")):
            self.found.add(urllib.parse.urldefrag(target).url)


def links(site: Path) -> dict[str, list[str]]:
    """Each external address, with the pages that link to it."""
    found = defaultdict(list)
    for page in sorted(site.rglob("*.html")):
        parser = _Links()
        parser.feed(page.read_text(encoding="utf-8"))
        for link in parser.found:
            found[link].append(page.relative_to(site).as_posix())
    return dict(sorted(found.items()))


def ask(link: str, pause: float = PAUSE) -> Verdict:
    why = ""
    for number in range(TRIES):
        time.sleep(pause * number)
        request = urllib.request.Request(link, headers={"User-Agent": AGENT, "Accept": "*/*"})
        try:
            with urllib.request.urlopen(request, timeout=30):
                return "fine", ""
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in GONE:
                return "broken", f"status {error.code}"
            if error.code < 500 and error.code != 429:
                return "unsure", f"status {error.code}"
            verdict, why = "unsure", f"status {error.code}"
        except (OSError, ValueError) as error:
            verdict, why = "broken", f"{type(error).__name__}: {error}"
    return verdict, why


def check(found: dict[str, list[str]], pause: float = PAUSE) -> dict[str, Verdict]:
    """Ask all hosts at once, and each host for one page at a time."""
    hosts = defaultdict(list)
    for link in found:
        hosts[urllib.parse.urlsplit(link).netloc].append(link)

    def of_one(host: str) -> list[tuple[str, Verdict]]:
        return [(link, ask(link, pause)) for link in hosts[host]]

    with concurrent.futures.ThreadPoolExecutor(max_workers=16) as pool:
        return dict(pair for pairs in pool.map(of_one, hosts) for pair in pairs)


def main(argv: list[str] | None = None, pause: float = PAUSE) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", type=Path)
    site = parser.parse_args(argv).site
    if not any(site.rglob("*.html")):
        parser.error(f"no page in {site}: make book")
    found = links(site)
    verdicts = check(found, pause)
    for kind in ("unsure", "broken"):
        for link in found:
            verdict, why = verdicts[link]
            if verdict == kind:
                print(f"{kind}: {link} ({why}), linked from {', '.join(found[link])}")
    counts = {k: sum(v == k for v, _ in verdicts.values()) for k in ("fine", "unsure", "broken")}
    print(
        f"links.py: {len(found)} external links:", ", ".join(f"{n} {k}" for k, n in counts.items())
    )
    return 1 if counts["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
