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
import torch

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
    "linear_cross_entropy",  # compositions: tests/test_linear.py compares them
    "linear_soft_cross_entropy",
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


def predicted(entry):
    """The places of the inputs that are the prediction: of two distributions the second."""
    two = entry.wrt == 2 and entry.inputs[0].name in ("p", "log_p", "p_logits")
    return [1] if two else list(range(entry.wrt))


def slopes_of(entry, columns):
    """The slopes in the prediction, one array for each of its inputs."""
    xs = [torch.tensor(c, requires_grad=k in predicted(entry)) for k, c in enumerate(columns)]
    entry.function(*xs, reduction="sum").backward()
    return [xs[k].grad.numpy() for k in predicted(entry)]


@over(LOSSES)
def test_a_convex_loss_is_nowhere_above_its_chord(entry):
    # On the way from one prediction to another its slope rises. (Half of the way between two
    # rows of log-probabilities is none.)
    start, end = (list(sample(entry, 3000, seed)) for seed in (1, 2))
    if entry.inputs[0].domain == "real":  # scores may also be low as a whole
        start[0] = start[0] - np.linspace(0, 9, 3000).reshape(-1, *[1] * (start[0].ndim - 1))
    for k in set(range(len(start))) - set(predicted(entry)):
        end[k] = start[k]
    rises = 0.0
    for x, sign in ((end, 1), (start, -1)):
        for k, slope in zip(predicted(entry), slopes_of(entry, x), strict=True):
            way = sign * slope * (end[k] - start[k])
            rises += way.reshape(3000, -1).sum(-1)
    assert (rises >= -1e-9).all() if entry.convex else (rises < -1e-6).any()


LINES = ("real", "nonnegative")


@over(LOSSES)
def test_no_slope_is_steeper_than_stated(entry):
    number = re.match(r"oo|[\d./]+|", entry.slope_bound.replace("about ", ""))[0]
    steepest = 0.0
    for seed, stretch in enumerate((1, 10, 100, 1000, 1e-3)):
        columns = list(sample(entry, 500, seed))
        for k, wanted in enumerate(entry.inputs):
            if wanted.domain == "box" or (k in predicted(entry) and wanted.domain in LINES):
                columns[k] = columns[k] * stretch
            elif k in predicted(entry) and wanted.domain == "simplex":  # chances near 0
                power = columns[k] ** min(stretch, 30)
                columns[k] = power / power.sum(-1, keepdims=True)
        steepest = max(steepest, *(abs(s).max() for s in slopes_of(entry, columns)))
    if number == "oo":
        assert steepest > (3 if entry.name != "lambdarank_loss" else 0)  # see below
    elif number:
        assert steepest <= 1.03 * float(sp.sympify(number))


@pytest.mark.parametrize(
    ("name", "pull"),
    [
        ("huber_loss", lambda e: np.clip(e, -1, 1)),
        ("smooth_l1_loss", lambda e: np.clip(e, -1, 1)),
        ("log_cosh_loss", np.tanh),
        ("pseudo_huber_loss", lambda e: e / np.sqrt(1 + e**2)),
    ],
)
def test_what_the_losses_between_square_and_absolute_error_ask_for(name, pull):
    y = np.array([-100.0, 0, 0, 0, 1, 1])  # median 0, mean -16.3
    x = np.linspace(-1, 1, 2001)
    loss = getattr(lb, name)(x[:, None] + 0 * y, y + 0 * x[:, None], reduction="none").mean(-1)
    best = x[loss.argmin()]
    assert best > 0.1  # not between the two
    assert abs(pull(best - y).sum()) < 0.01


def test_the_slope_of_lambdarank_grows_with_the_list():
    steepest = []
    for n in (5, 20, 100, 1000):
        scores, last = np.linspace(40, 0, n)[None], np.eye(n)[-1:]
        steepest.append(abs(value_and_grad(lb.lambdarank_loss, scores, last)[1]).max())
    assert steepest == pytest.approx([1.014, 2.486, 5.918, 22.75], rel=1e-3)


@pytest.mark.parametrize("name", ["approx_ndcg_loss", "distillation_loss", "info_nce"])
def test_how_the_slope_grows_with_the_temperature(name):
    entry = find(name)
    columns = list(sample(entry, 200))
    for t in (0.25, 4.0):
        x = [t * columns[0], *columns[1:]]
        if name == "distillation_loss":
            x[1] = t * x[1]
        now = value_and_grad(entry.function, *x, temperature=t, reduction="none")[1]
        one = value_and_grad(entry.function, *columns, reduction="none")[1]
        power = 1 if name == "distillation_loss" else -1
        assert now == pytest.approx(t**power * one, rel=1e-9, abs=1e-15)


SHARED = ("arrays", "checks", "rule", "reduction", "autograd", "driver")
HELPERS = {"accuracy", "catalogue", "devices", "exact", "figures", "interactive"}
HELPERS |= {"show", "twin", "verify"}


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
    assert imported(ROOT / "checks.py") == {"arrays"}
    assert imported(ROOT / "reduction" / "core.py") <= {"arrays", "checks", "rule"}


def imported(path):
    """The modules of the package that a module imports."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    froms = (n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module)
    return {m.split(".")[1] for m in froms if m.startswith("lossbook.")}
