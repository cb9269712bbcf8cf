"""The catalogue says of each loss what is so."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import lossbook as lb
from cases import CATALOGUE, LOSSES, over, sample
from lossbook import exact, value_and_grad
from lossbook.catalogue import entry as find
from lossbook.driver import Prepared

NOT_IN_THE_CATALOGUE = {
    "RunningMean",
    "effective_number_weights",
    "effective_sample_size",
    "exact_sum",
    "inverse_frequency_weights",
    "kahan_sum",
    "neumaier_sum",
    "pairwise_sum",
    "running_sums",
    "shard_mean",
    "shift_to_base_rate",
    "shift_to_priors",
    "average_precision",
    "dcg",
    "lambdarank_weights",
    "ndcg",
    "pr_auc",
    "reciprocal_rank",
    "roc_auc",
    "alignment",
    "all_triplets",
    "clip_loss",
    "hardest_triplets",
    "in_batch_info_nce",
    "nce_loss",
    "nt_xent",
    "pairwise_cosines",
    "pairwise_distances",
    "pairwise_squared_distances",
    "semi_hard_triplets",
    "siglip_loss",
    "sup_con_loss",
    "uniformity",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Backtracking",
    "GradientDescent",
    "HeavyBall",
    "Nesterov",
    "Newton",
    "RMSProp",
    "clip_by_norm",
    "clip_by_value",
    "constant_rate",
    "cosine_decay",
    "minibatches",
    "minimize",
    "numerical_gradient",
    "step_decay",
    "warmup",
    "StreamingLogSumExp",
    "bits_per_byte",
    "expected_calibration_error",
    "fit_temperature",
    "perplexity",
    "reliability",
    "reduce",
    "sparsemax",
    "gaussian_kl_from_cholesky",
    "gaussian_kl_full",
    "kl_penalized_rewards",
    "value_and_grad",
    "wasserstein",
    "wasserstein_of_samples",
    "l2_penalty",
    "root_mean_squared_error",
}
ROOT = Path(lb.__file__).parent


def test_every_public_loss_and_function_has_one_entry():
    names = [e.name for e in CATALOGUE]
    assert len(set(names)) == len(names)
    assert set(names) == set(lb.__all__) - NOT_IN_THE_CATALOGUE
    assert set(lb.__all__) <= set(dir(lb)) and lb.__all__ == sorted(lb.__all__)


def test_an_entry_that_there_is_not():
    assert find("sigmoid").name == "sigmoid"
    with pytest.raises(KeyError, match="no entry 'softmin' in the catalogue, there are"):
        find("softmin")


@over(CATALOGUE)
def test_inputs_and_parameters_are_those_of_the_function(entry):
    signature = inspect.signature(entry.function).parameters
    positional = [n for n, p in signature.items() if p.kind == p.POSITIONAL_OR_KEYWORD]
    assert positional == [i.name for i in entry.inputs]
    shared = {"weights", "where", "reduction", "axis", "alpha"}
    shared |= {"class_weights", "class_mask", "ignore_index", "candidate_mask"}
    shared |= {"item_mask", "gain"}
    assert {n for n in signature if n not in positional} - shared == set(entry.params)
    assert entry.is_loss == ("reduction" in signature)


@over([e for e in CATALOGUE if e.params])
def test_neutral_parameters_leave_the_result_as_it_is(entry):
    columns = sample(entry)
    for name, parameter in entry.params.items():
        found = entry.function(*columns, **{name: parameter.neutral})
        assert np.array_equal(found, entry.function(*columns))


@over(CATALOGUE)
def test_the_formula_has_the_symbols_that_are_named_and_no_others(entry):
    named = {i.symbol for i in entry.inputs} | {p.symbol for p in entry.params.values()}
    found = {re.sub(r"\[.*", "", str(s)) for s in exact.formula(entry).free_symbols}
    labels = {i.symbol for i in entry.inputs if i.domain == "label"}
    assert found - {"i", "K"} == named - labels


CHAPTERS = {
    "odds": "01-logits-and-odds",
    "softmax": "02-stable-softmax",
    "binary": "03-binary-cross-entropy",
    "categorical": "04-cross-entropy",
    "divergence": "05-kl-divergence",
    "regression": "06-regression-losses",
    "boxes": "06-regression-losses",
    "ranking": "07-ranking",
    "contrastive": "08-contrastive-and-infonce",
    "reduction": "09-reduction",
}


@over(CATALOGUE)
def test_entry_chapter_and_docstring_belong_together(entry):
    [topic] = [t for t in CHAPTERS if entry in entries_of(t)]
    assert entry.chapter == CHAPTERS[topic]
    assert f"Chapter {int(entry.chapter[:2])}." in inspect.getdoc(entry.function)


def entries_of(topic):
    return importlib.import_module(f"lossbook.catalogue.{topic}").ENTRIES


@over(CATALOGUE)
def test_inputs_for_the_table_are_in_the_domain(entry):
    assert entry.ordinary and entry.hostile
    for inputs in (*entry.ordinary, *entry.hostile):
        assert isinstance(entry.prepare(*entry.arrays(inputs)), Prepared)


PAIRS = [e for e in LOSSES if e.kind == "element" and len(e.inputs) == 2]


@over(PAIRS)
def test_convexity_is_as_stated(entry):
    domain = {
        "probability": np.linspace(0.01, 0.99, 400),
        "nonnegative": np.linspace(0.01, 16, 400),
    }
    x = domain.get(entry.inputs[0].domain, np.linspace(-8, 8, 400))
    for y in {"sign": (1.0, -1.0)}.get(entry.inputs[1].domain, (0.0, 1.0, 0.3)):
        slope = value_and_grad(entry.function, x, 0 * x + y, reduction="none")[1]
        rising = (np.diff(slope) >= -1e-12).all()
        assert rising or not entry.convex
        if rising and not entry.convex:
            continue
    if not entry.convex:
        slope = value_and_grad(entry.function, x, 0 * x + 1, reduction="none")[1]
        assert (np.diff(slope) < -1e-12).any()


@over(PAIRS)
def test_the_slope_is_as_steep_as_stated(entry):
    places = {"probability": np.r_[0, np.geomspace(1e-300, 0.5), 1 - np.geomspace(1e-16, 0.5), 1]}
    places["nonnegative"] = np.geomspace(1e-300, 1e3)
    x = places.get(entry.inputs[0].domain, np.linspace(-60, 60, 24_001))
    steepest = max(
        abs(value_and_grad(entry.function, x, 0 * x + y, reduction="none")[1]).max()
        for y in ((-1, 1) if entry.inputs[1].domain == "sign" else (0, 1))
    )
    number = re.match(r"oo|[\d./]+", entry.slope_bound.replace("about ", ""))[0]
    if number == "oo":
        assert steepest > 50
    else:
        assert steepest == pytest.approx(float(sp.sympify(number)), rel=5e-3)


SHARED = ("arrays", "rule", "reduction", "autograd", "driver")
HELPERS = {"accuracy", "catalogue", "devices", "exact", "figures", "show", "twin", "verify"}


def test_arrows_run_one_way():
    # shared ground, reduction, the losses, the catalogue, the helpers of the book
    for path in ROOT.rglob("*.py"):
        name = path.relative_to(ROOT).parts[0].removesuffix(".py")
        allowed = set(SHARED) if name in SHARED else None
        if allowed:
            assert imported(path) <= allowed, name
        elif name not in HELPERS:
            assert not imported(path) & HELPERS, name
    assert imported(ROOT / "arrays.py") == set()
    assert imported(ROOT / "reduction" / "core.py") <= {"arrays", "rule"}


def imported(path):
    """The modules of the package that a module imports."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    froms = (n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module)
    return {m.split(".")[1] for m in froms if m.startswith("lossbook.")}
