"""What keeps a page in shape: images whose place is known before they load, names that break.

A long name in the text may break after a dot or an underscore. The sign for that is no
character, so what a reader copies stays as it was. reader.py calls this for each page.
"""

from __future__ import annotations

import re
from pathlib import Path

import imagesize

IMAGE = re.compile(r'<img (?![^>]*\bwidth=)([^>]*?src="[^"]*?(_images/[^"]+)"[^>]*?)\s*/?>')
NAME = re.compile(r'(<span class="pre">)([^<]{12,})(?=</span>)')
BREAK = re.compile(r"(?<=\w_)(?=\w)|(?<=[^\W\d]\.)(?=[^\W\d])")


def arranged(text: str, out: Path) -> str:
    text = NAME.sub(lambda name: name[1] + BREAK.sub("<wbr>", name[2]), text)
    return IMAGE.sub(lambda image: sized(image, out), text)


def sized(image: re.Match[str], out: Path) -> str:
    width, height = imagesize.get(out / image[2])
    return f'<img width="{width}" height="{height}" {image[1]}>' if width > 0 else image[0]
