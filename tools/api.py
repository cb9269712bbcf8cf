#!/usr/bin/env python3
"""The API reference: every public name, by chapter, with the section that explains it.

python tools/api.py            write book/api.md
python tools/api.py --check    say whether it is up to date
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import lossbook as lb

BOOK = Path(__file__).resolve().parent.parent / "book"
PAGE = BOOK / "api.md"

# The section that explains a name best. Its chapter is the one of the name.
SECTIONS: dict[str, str] = {
    "odds-three-codings": "odds_from_probs probs_from_odds logit",
    "odds-way-back": "sigmoid",
    "odds-output-layers": "softplus",
    "odds-log1mexp": "log_sigmoid log1mexp",
    "softmax-definition-section": "softmax",
    "softmax-lse-section": "logsumexp",
    "softmax-tails": "log_softmax",
    "softmax-streaming": "StreamingLogSumExp",
    "softmax-zeros": "sparsemax",
    "bce-likelihood": "binary_cross_entropy",
    "bce-log-of-zero": "binary_cross_entropy_from_probs",
    "bce-logit-form": "logistic_loss",
    "bce-squared-error": "brier_score brier_score_from_probs",
    "bce-focal-loss": "binary_focal_loss",
    "ce-likelihood": "cross_entropy",
    "ce-targets": "soft_cross_entropy cross_entropy_from_probs soft_cross_entropy_from_probs",
    "ce-fused": "nll_loss",
    "ce-linear": "linear_cross_entropy linear_soft_cross_entropy",
    "ce-focal": "focal_loss z_loss",
    "ce-perplexity-section": "perplexity",
    "ce-bytes": "bits_per_byte",
    "ce-calibration": "expected_calibration_error reliability fit_temperature",
    "kl-definition-section": "kl_divergence",
    "kl-from-logits": "kl_divergence_from_log_probs kl_divergence_from_logits",
    "kl-decomposition-section": "entropy entropy_from_logits cross_entropy_between",
    "kl-gaussians": "gaussian_kl gaussian_kl_full gaussian_kl_from_cholesky",
    "kl-vae-experiment": "vae_kl",
    "kl-distillation": "distillation_loss",
    "kl-policy": "kl_penalized_rewards",
    "kl-estimators": "kl_estimate_k1 kl_estimate_k2 kl_estimate_k3",
    "kl-relatives": "js_divergence wasserstein wasserstein_of_samples",
    "reg-squared": "squared_error",
    "reg-rmse": "root_mean_squared_error",
    "reg-absolute": "absolute_error",
    "reg-quantile": "quantile_loss",
    "reg-between": "huber_loss pseudo_huber_loss log_cosh_loss",
    "reg-smooth-l1": "smooth_l1_loss",
    "reg-influence": "tukey_loss",
    "reg-heteroscedastic": "gaussian_nll gaussian_nll_from_log_variances",
    "reg-poisson": "poisson_nll poisson_nll_from_rates",
    "reg-l2": "l2_penalty",
    "reg-boxes": "iou iou_loss giou_loss",
    "rank-pairs": "pairwise_hinge_loss bpr_loss",
    "rank-bradley-terry": "ranknet_loss",
    "rank-auc": "all_pairs_hinge_loss all_pairs_logistic_loss roc_auc",
    "rank-ndcg": "dcg ndcg",
    "rank-relatives": "average_precision pr_auc reciprocal_rank",
    "rank-lambda": "lambdarank_loss lambdarank_weights",
    "rank-lists": "ranking_softmax_loss listnet_loss listmle_loss approx_ndcg_loss",
    "con-sphere": "norm normalize cosine_similarity pairwise_cosines",
    "con-cancellation": "euclidean_distance squared_distance",
    "con-label": "contrastive_loss hadsell_loss pairwise_distances pairwise_squared_distances",
    "con-triplet": "triplet_loss",
    "con-collapse": "squared_triplet_loss",
    "con-mining": "all_triplets hardest_triplets semi_hard_triplets",
    "con-infonce": "info_nce in_batch_info_nce",
    "con-learned": "clip_loss",
    "con-self": "nt_xent sup_con_loss",
    "con-nce": "nce_loss siglip_loss",
    "con-uniformity": "alignment uniformity",
    "red-definitions": "reduce",
    "red-accumulation": "shard_mean",
    "red-epoch": "RunningMean",
    "red-noise": "effective_sample_size",
    "red-tilted-mean": "tilted_mean",
    "red-tilted-digits": "log_mean_exp",
    "red-cvar-section": "cvar",
    "red-floats": "exact_sum kahan_sum neumaier_sum pairwise_sum running_sums",
    "red-balanced-weights": "inverse_frequency_weights",
    "red-effective-number": "effective_number_weights",
    "red-logit-shift": "shift_to_base_rate shift_to_priors",
    "gd-three-things": "value_and_grad",
    "gd-code": "minimize GradientDescent",
    "gd-momentum": "HeavyBall Nesterov",
    "gd-adam": "AdaGrad RMSProp Adam",
    "gd-weight-decay": "AdamW",
    "gd-optimizers": "Newton Backtracking",
    "gd-batches": "minibatches",
    "gd-practice": "constant_rate step_decay cosine_decay warmup clip_by_norm clip_by_value",
    "gd-checking": "numerical_gradient",
}
# Modules whose docstring says what holds for several of their functions.
MODULES = {
    3: ("binary.logits", "binary.probs"),
    4: ("categorical.logits", "categorical.probs"),
    7: ("ranking.metrics",),
}
# What the chapters show, judge and draw with; for those who write such a chapter.
HELPERS = {
    "show": "num table source",
    "verify": "check verification_table agrees call_peer",
    "catalogue": "CATALOGUE entry Entry Input Parameter Peer",
    "exact": "value slope formula",
    "accuracy": "ulp errors accuracy_figure",
    "devices": "device dtype rng tensor",
    "processes": "run_processes",
    "figures": "use_book_style COLORS label_line rounding_noise",
    "interactive": "Interactive Slider numbers",
}
MEMBERS = {"RunningMean", "StreamingLogSumExp"}  # classes whose methods a reader calls

INTRO = """\
% Written by tools/api.py: change the docstrings, or that.

(api-reference)=
# API reference

Every public name of `lossbook`, in the order of the chapters. Each entry ends with the
section of the book that explains it.

Arrays are NumPy arrays or torch tensors, or what NumPy makes an array of. The prediction
comes first and the truth second; options are keywords. A name without a suffix takes logits,
one that ends in `_from_probs` takes probabilities. Every loss has `reduction="none"`, `"sum"`,
`"mean"` or `"weighted_mean"`, and `weights` and `where` mean the same in all of them.

```{eval-rst}
.. automodule:: lossbook.reduction.core
```

(api-losses-json)=
The catalogue behind the tests, the [loss chooser](#choose-all) and the
[convention map](#conventions-all) is a file as well: [losses.json](_extra/losses.json), with
formulas, domains, error bounds and peers, and [its schema](_extra/losses.schema.json).
"""

HELPERS_INTRO = """
(api-helpers)=
## Helpers of the chapters

No losses, but what the code cells show, judge and draw with, each to import from its module:
`from lossbook.show import num`. What judges or draws needs the extras of the package.

"""


def places() -> dict[str, str]:
    """The target that explains each name."""
    return {name: target for target, names in SECTIONS.items() for name in names.split()}


def chapters() -> dict[str, Path]:
    """The chapter in which each target of the chapters stands."""
    pages = sorted(BOOK.glob("[0-9][0-9]-*.ipynb"))
    return {t: p for p in pages for t in re.findall(r'"\(([^()\s"]+)\)=', p.read_text("utf-8"))}


def title(page: Path) -> str:
    """The title of a chapter."""
    return re.search(r'"# ([^"\\]+)', page.read_text("utf-8"))[1]


def headings() -> dict[str, str]:
    """The heading under each target; a target within a section has none."""
    found = {}
    for page in BOOK.glob("[0-9][0-9]-*.ipynb"):
        pattern = r'"\(([^()\s"]+)\)=\\n",\s*"#+ (.+?)(?:\\n)?",?\n'
        found |= dict(re.findall(pattern, page.read_text("utf-8")))
    return found


def render() -> str:
    """The page."""
    where, heading, parts = chapters(), headings(), [INTRO]
    for page in sorted(set(where.values())):
        parts.append(f"\n(api-{page.stem})=\n## Chapter {int(page.stem[:2])}: {title(page)}\n\n")
        parts.append("```{eval-rst}\n")
        modules = MODULES.get(int(page.stem[:2]), ())
        parts += [f".. automodule:: lossbook.{m}\n\n" for m in modules]
        for target, names in SECTIONS.items():
            if where[target] == page:
                text = heading.get(target, title(page)).replace("`", "")
                parts += [_entry(name, target, text) for name in names.split()]
        parts.append("```\n")
    return "".join([*parts, HELPERS_INTRO, "```{eval-rst}\n", *_helpers(), "```\n"])


def _entry(name: str, target: str, text: str) -> str:
    members = "   :members:\n" if name in MEMBERS else ""
    return f"{_auto(lb, name)}{members}\n   In the book: :ref:`{text} <{target}>`.\n\n"


def _helpers() -> Iterator[str]:
    for module, names in HELPERS.items():
        yield f".. automodule:: lossbook.{module}\n\n"
        there = importlib.import_module(f"lossbook.{module}")
        yield from (_auto(there, name) + "\n" for name in names.split())


def _auto(module: ModuleType, name: str) -> str:
    thing = getattr(module, name)
    if inspect.isclass(thing):
        return f".. autoclass:: {module.__name__}.{name}\n"
    if callable(thing):
        return f".. autofunction:: {module.__name__}.{name}\n"
    return f".. autodata:: {module.__name__}.{name}\n   :no-value:\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    checked = parser.parse_args(argv).check
    if missing := sorted(set(lb.__all__) ^ set(places())):
        print(f"api.py: SECTIONS and lossbook.__all__ differ in {missing}", file=sys.stderr)
        return 1
    if not checked:
        PAGE.write_text(render(), encoding="utf-8", newline="\n")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != render():
        print("api.py: api.md is out of date: python tools/api.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
