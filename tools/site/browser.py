"""A page of the book in a browser: as it loads, then its controls by keyboard."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import Browser, Locator, Page, Response, expect

AXE = Path(__file__).with_name("axe") / "axe.min.js"
SHOWN = 3  # places of one fault that are named; the rest are counted
PATIENCE = 10_000  # ms that a control may take; on an idle machine it takes a few


class Mode(NamedTuple):
    name: str
    width: int
    height: int

    @property
    def phone(self) -> bool:
        return self.width < 600


WIDE, PHONE = Mode("1280", 1280, 900), Mode("390", 390, 844)


@dataclass
class Seen:
    """What one visit brought."""

    faults: list[str] = field(default_factory=list)
    urls: set[str] = field(default_factory=set)
    buttons: int = 0
    sliders: int = 0


# Loaded is also what loads late: mathematics, images, fonts, live figures.
SETTLE = """async () => {
  await window.MathJax?.startup?.promise;
  await Promise.all([...document.images].filter(e => !e.complete).map(
    e => new Promise(done => e.onload = e.onerror = done)));
  await document.fonts.ready;
}"""

# Hidden cells and solutions are part of the page.
UNFOLD = """() => {
  for (const part of document.querySelectorAll('.bd-article details')) part.open = true;
  for (const button of document.querySelectorAll('.toggle-button-hidden')) button.click();
}"""

# MathJax sets what it does not know in red, and goes on.
MATHS = """() => [
  ...[...document.querySelectorAll('mjx-merror')].map(e => [e, e.dataset.mjxError]),
  ...[...document.querySelectorAll('mjx-mtext[style*="color: red"]')].map(
    e => [e, 'an undefined macro: ' + [...e.querySelectorAll('mjx-c')].map(
      c => String.fromCodePoint(parseInt(c.className.slice(5), 16))).join('')]),
  ...[...document.querySelectorAll('.bd-article .math')].filter(
    e => !e.querySelector('mjx-container')).map(e => [e, 'not set: ' + e.textContent.trim()]),
].map(([e, what]) => {
  const near = e.closest('p, li, td, dd, section, article')?.textContent ?? '';
  return `mathematics near ${JSON.stringify(near.trim().slice(0, 50))}: ${what.slice(0, 80)}`;
})"""

# axe takes seconds for the thousands of parts of formulas and code. Of each formula it gets
# the words in a box of the same size, of code the words, and of each kind of token one.
THIN = """() => {
  const formulas = [...document.querySelectorAll('mjx-container')];
  const boxes = formulas.map(e => e.getBoundingClientRect());
  formulas.forEach((e, i) => {
    const words = document.createElement('span');
    words.textContent = e.textContent.trim() || 'formula';
    words.style = `display: inline-block; overflow: hidden; white-space: nowrap;
      width: ${boxes[i].width}px; height: ${boxes[i].height}px`;
    e.replaceChildren(words);
  });
  const known = new Set();
  for (const e of document.querySelectorAll(':is(pre, code, .sig) span:not([id])')) {
    const kind = `${e.parentElement.localName} ${e.className}`;
    if (known.has(kind)) e.replaceWith(...e.childNodes);
    known.add(kind);
  }
}"""

# Colors are its slowest rules: of all words that stand in the same elements and classes, one
# stays on the page to be judged.
ONE_OF_EACH = """() => {
  const path = e => e === document.body ? '' : `${path(e.parentElement)} ${e.localName}`
    + `.${e.getAttribute('class')}[${e.getAttribute('style')}]`;
  const kinds = new Map(), kept = new Set();
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const e = words.currentNode.parentElement;
    if (words.currentNode.data.trim() && e.checkVisibility()) kinds.set(path(e), e);
  }
  for (const one of [...kinds.values(), ...document.querySelectorAll('body style')])
    for (let e = one; e; e = e.parentElement) kept.add(e);
  for (const e of document.querySelectorAll('body *')) if (!kept.has(e)) e.remove();
}"""

AUDIT = """async ([where, rules]) => (await axe.run(where, {
  resultTypes: ['violations'], preload: false, ...rules,
})).violations.map(rule => [
  `axe, ${rule.id} (${rule.impact}): expected: ${rule.help}`,
  rule.nodes.map(node => node.target.join(' ')),
])"""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLORS = ["color-contrast", "link-in-text-block"]  # all that the dark changes
ALL = {"runOnly": TAGS}
ONLY_COLORS = {"runOnly": COLORS}
NO_COLORS = ALL | {"rules": {rule: {"enabled": False} for rule in COLORS}}

# What stands out to the right and does not scroll in a box of its own.
SIDEWAYS = """width => {
  if (document.documentElement.scrollWidth <= width) return [];
  const boxed = e => e && e !== document.body
    && (getComputedStyle(e).overflowX !== 'visible' || boxed(e.parentElement));
  const found = [...document.body.querySelectorAll('*')]
    .filter(e => e.getBoundingClientRect().right > width + 1 && !boxed(e.parentElement))
    .map(e => `<${e.localName} class="${e.getAttribute('class') ?? ''}"> `
      + JSON.stringify(e.textContent.trim().slice(0, 40)));
  return found.length ? found : ['an element that does not say so'];
}"""

# What a slider shows: all of it changes with an arrow key.
LAB = """figure => {
  const all = (what, of) => [...figure.querySelectorAll(what)].map(of).join();
  return {
    "value": all('input', e => e.value),
    "number beside it": all('output', e => e.value),
    "text for screen readers": all('input', e => e.ariaValueText),
    "picture": all('svg', e => e.outerHTML),
    "marked row of the table": all('tr[aria-current]', e => e.textContent),
  };
}"""


@asynccontextmanager
async def opened(browser: Browser, origin: str, mode: Mode) -> AsyncIterator[tuple[Page, Seen]]:
    """A page of a new visitor: nothing is cached, no other host answers."""
    seen = Seen()
    context = await browser.new_context(
        viewport={"width": mode.width, "height": mode.height},
        is_mobile=mode.phone,
        has_touch=mode.phone,
        reduced_motion="reduce",
        service_workers="block",
    )
    try:
        if origin != "file://":
            await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
        elsewhere = re.compile(rf"^(?!{re.escape(origin)}/|data:|blob:|about:)")
        await context.route(elsewhere, lambda route: route.abort())
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        page.set_default_navigation_timeout(0)  # the visit has its own limit

        def request(url: str, kind: str) -> None:
            if elsewhere.match(url):
                seen.faults.append(f"{kind} {url}: expected no request to a third party")
            elif url.startswith(origin):
                seen.urls.add(url.partition("#")[0])

        def answered(response: Response) -> None:
            if response.status >= 400:
                path = response.url.removeprefix(origin)
                seen.faults.append(f"{path}: answered {response.status}, expected 200")

        def logged(kind: str, place: str, text: str) -> None:
            if kind == "error":
                text = text.partition("\n")[0]
                seen.faults.append(f"console, {place}: {text}: expected no error")

        page.on("request", lambda r: request(r.url, r.resource_type))
        page.on("websocket", lambda w: request(w.url, "websocket"))
        page.on("response", answered)
        page.on("pageerror", lambda e: logged("error", "script", str(e)))
        page.on("console", lambda m: logged(m.type, m.location["url"].removeprefix(origin), m.text))
        yield page, seen
    finally:
        with suppress(TimeoutError):  # a page that hangs does not close either
            await asyncio.wait_for(context.close(), 10)


async def load(page: Page, url: str) -> None:
    await page.goto(url, wait_until="load", timeout=0)  # the visit has its own limit
    await page.evaluate(SETTLE)
    for figure in await page.locator(".lossbook-lab").all():
        await expect(figure, "a live figure is drawn").to_have_attribute("data-live", "")


async def read_wide(page: Page, seen: Seen, url: str, clipboard: asyncio.Lock) -> None:
    """A page on a desk: all that it shows, its sliders and copy buttons, in light and dark."""
    await load(page, url)
    weighed = set(seen.urls)
    await page.evaluate(UNFOLD)
    seen.faults += expected(await page.evaluate(MATHS), "a formula that MathJax knows")
    seen.sliders = await sliders(page, seen.faults)
    async with clipboard:
        seen.buttons = await copies(page, seen.faults)
    seen.urls = weighed
    seen.faults += await audit(page, rules=NO_COLORS)
    await page.evaluate(ONE_OF_EACH)
    seen.faults += await audit(page, rules=ONLY_COLORS)
    await page.emulate_media(color_scheme="dark")
    await expect(page.locator("html"), "dark where dark is asked for").to_have_attribute(
        "data-theme", "dark"
    )
    seen.faults += [f"in the dark: {fault}" for fault in await audit(page, rules=ONLY_COLORS)]


async def read_on_phone(page: Page, seen: Seen, url: str, audited: bool) -> None:
    await load(page, url)
    await page.evaluate(UNFOLD)
    places = await page.evaluate(SIDEWAYS, PHONE.width)
    seen.faults += expected(places, f"no wider than {PHONE.width} px, or a box that scrolls")
    await menus(page, seen.faults, audited)
    seen.faults += await audit(page, rules=NO_COLORS)
    await page.evaluate(ONE_OF_EACH)
    seen.faults += await audit(page, rules=ONLY_COLORS)


async def read_from_disk(page: Page, seen: Seen, url: str) -> None:
    await load(page, url)
    seen.faults += expected(await page.evaluate(MATHS), "a formula that MathJax knows")
    seen.sliders = await sliders(page, seen.faults)


def expected(places: list[str], what: str) -> list[str]:
    more = [f"and {len(places) - SHOWN} more places"] if len(places) > SHOWN else []
    return [f"{place}: expected {what}" for place in places[:SHOWN] + more]


async def audit(page: Page, where: str = "html", rules: dict[str, Any] = ALL) -> list[str]:
    """The violations that axe-core finds in a part of a page."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(THIN)
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = []
    for rule, places in await page.evaluate(AUDIT, [where, rules]):
        more = [f"{len(places) - SHOWN} more places"] if len(places) > SHOWN else []
        found += [f"{place}: {rule}" for place in places[:SHOWN] + more]
    return found


# ------------------------------------------------------------------ controls
async def menus(page: Page, faults: list[str], audited: bool) -> None:
    """The sidebar and the contents of a phone open by Enter and close by Escape."""
    for kind in ("primary", "secondary"):
        dialog = page.locator(f"#pst-{kind}-sidebar-modal")
        name = f"button.{kind}-toggle"
        button = page.locator(f"{name}:visible").first
        if not await button.count():
            if kind == "primary":  # a page without headings has no contents
                faults.append(f"{name}: expected a visible button of the menu")
            continue
        await button.focus()
        for key, visible in (("Enter", True), ("Escape", False)):
            await page.keyboard.press(key)
            try:
                await expect(dialog).to_be_visible(visible=visible, timeout=PATIENCE)
            except AssertionError:
                state = "an open" if visible else "a closed"
                faults.append(f"{name}: expected {state} menu after {key}")
                break
            if visible and audited:
                faults += await audit(page, f"#pst-{kind}-sidebar-modal")


async def search(page: Page, seen: Seen, url: str, word: str, wanted: str) -> None:
    """Ctrl+K, a word, Enter: the page that is wanted is among the results, and opens."""
    await load(page, url)
    await page.keyboard.press("Control+k")
    await expect(page.locator("#pst-search-dialog")).to_be_visible()
    seen.faults += await audit(page, "#pst-search-dialog")
    await page.keyboard.type(word)
    await page.keyboard.press("Enter")
    result = page.locator(f"#search-results li a[href*='{wanted}']").first
    try:
        await result.wait_for()
    except Exception:
        found = await page.locator("#search-results li a").count()
        seen.faults.append(f"search for {word!r}: {found} results: expected {wanted} among them")
        return
    await page.wait_for_load_state("networkidle")  # the excerpts of the results
    seen.faults += await audit(page)
    async with page.expect_navigation():
        await result.press("Enter")


async def copies(page: Page, faults: list[str]) -> int:
    """Each code cell has a button that shows when it has the focus, and copies all of the cell."""
    cells = await page.locator("div.cell_input div.highlight").all()
    for i, cell in enumerate(cells, 1):
        button = cell.locator("button.copybtn")
        if not await button.count():
            faults.append(f"code cell {i}: expected a copy button")
            continue
        await button.focus()
        await page.evaluate("navigator.clipboard.writeText('')")
        await page.keyboard.press("Enter")
        if i == 1:
            try:
                await expect(button).to_have_css("opacity", "1", timeout=PATIENCE)
            except AssertionError:
                faults.append("code cell 1: expected a copy button that shows under the focus")
        wanted = (await cell.locator("pre").text_content() or "").strip()
        copied = await changed(page, "navigator.clipboard.readText()", "")
        if copied.strip() != wanted:
            faults.append(f"code cell {i}: copied {copied[:40]!r}, expected {wanted[:40]!r}")
    return len(cells)


async def sliders(page: Page, faults: list[str]) -> int:
    """An arrow key moves each slider, and all that follows it."""
    count = 0
    for i, figure in enumerate(await page.locator(".lossbook-lab").all(), 1):
        inputs = await figure.locator("input[type=range]").all()
        if not inputs:
            faults.append(f"interactive figure {i}: expected a slider")
        for slider in inputs:
            count += 1
            name = await slider.get_attribute("name")
            place = f"interactive figure {i}, slider {name}, arrow key"
            faults += [
                f"{place}: expected another {p}" for p in await unmoved(page, figure, slider)
            ]
    return count


async def unmoved(page: Page, figure: Locator, slider: Locator) -> list[str]:
    before: dict[str, str] = await figure.evaluate(LAB)
    at_end = await slider.evaluate("e => e.valueAsNumber >= Number(e.max)")
    await slider.focus()
    await page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
    after = before
    for _ in range(60):
        after = await figure.evaluate(LAB)
        if all(after[part] != before[part] for part in before):
            break
        await asyncio.sleep(0.05)
    return [part for part in before if after[part] == before[part]]


async def changed(page: Page, script: str, old: Any) -> Any:
    """The value of a script as soon as it is another, or after a second."""
    for _ in range(50):
        if (value := await page.evaluate(script)) != old:
            return value
        await asyncio.sleep(0.02)
    return old
