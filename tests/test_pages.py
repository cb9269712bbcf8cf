"""The pages for finding: glossary, conventions, API reference, losses.json."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

import api
import lossbook as lb
import losses
import topics
from lossbook.catalogue import CATALOGUE

BOOK = Path(__file__).resolve().parent.parent / "book"
PAGES = sorted([*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")])
TARGETS = {t for page in PAGES for t in topics.targets(BOOK, page.stem).labels}
LOSSES = losses.files()


# ------------------------------------------------------------------ glossary
def glossary():
    """Each term with the lines of its definition."""
    text = (BOOK / "glossary.md").read_text(encoding="utf-8").partition("```{glossary}\n")[2]
    return re.findall(r"^(\w.*)\n((?:  .+\n)+)", text, re.M)


def test_the_terms_are_sorted_and_each_leads_to_a_section():
    terms = [term for term, _ in glossary()]
    assert len(terms) >= 60
    assert terms == sorted(set(terms), key=str.casefold)
    for term, definition in glossary():
        links = re.findall(r"\]\(#([^)]+)\)", definition)
        assert links and set(links) <= TARGETS, term
        assert definition.count(". ") <= 3, term  # two plain sentences, and the link


# ------------------------------------------------------------------ API reference
def test_the_reference_is_up_to_date_and_has_every_public_name(capsys):
    assert api.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", lb.__all__)
def test_a_name_leads_to_a_section_of_its_own_chapter(name):
    page = api.chapters()[api.places()[name]]
    stated = re.findall(r"Chapter (\d+)", getattr(lb, name).__doc__)
    assert stated in ([], [str(int(page.stem[:2]))])


# ------------------------------------------------------------------ losses.json
@pytest.mark.parametrize("name", LOSSES)
def test_the_catalogue_for_other_programs_is_up_to_date(name):
    message = "run: python tools/losses.py"
    assert (losses.EXTRA / name).read_text(encoding="utf-8") == LOSSES[name], message


def test_the_losses_fit_their_schema():
    found, schema = (json.loads(LOSSES[n]) for n in ("losses.json", "losses.schema.json"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(found)
    assert [x["name"] for x in found["losses"]] == [e.name for e in CATALOGUE]
    for loss, entry in zip(found["losses"], CATALOGUE, strict=True):
        page, _, target = loss["chapter"]["page"].partition("#")
        assert page == f"book/{entry.chapter}.html" and target in TARGETS
    del found["losses"][0]["formula"]
    with pytest.raises(jsonschema.ValidationError, match="'formula' is a required"):
        validator.validate(found)


def test_the_sources_are_in_the_bibliography():
    keys = re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text("utf-8"), re.M)
    assert {s for e in CATALOGUE for s in e.sources} <= set(keys)


# ------------------------------------------------------------------ convention map
def test_the_convention_map_has_every_peer():
    page = json.loads((BOOK / "conventions.ipynb").read_text(encoding="utf-8"))
    outputs = [o for c in page["cells"] if c["cell_type"] == "code" for o in c["outputs"]]
    shown = "".join("".join(o.get("data", {}).get("text/plain", "")) for o in outputs)
    assert all(p.name.rpartition(".")[2] in shown for e in CATALOGUE for p in e.peers)
