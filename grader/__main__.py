"""Grade a folder, or an archive from a learning platform.

    python -m grader submissions/ --assignment 03 --seed 2026 --out results/

Interrupted and started again, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grader import sandbox, write
from grader.grade import Grader, everyone, sandboxed
from grader.marks import ASSIGNMENTS, load
from grader.read import submissions
from grader.results import alone

WITHOUT = """\
WITHOUT ISOLATION: every submission runs as you. It can read and change all that you can, other
students' work and these marks included, use the network and start processes. Do this only on a
machine that holds nothing of value and is thrown away afterwards."""


def arguments() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m grader",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "submissions", type=Path, help="a folder, or a zip file of Canvas or Moodle"
    )
    parser.add_argument("--assignment", required=True, help="its name, or the beginning, as 03")
    parser.add_argument("--seed", type=int, required=True, help="draws the inputs; keep it secret")
    parser.add_argument("--out", type=Path, default=Path("results"), help="default: results")
    parser.add_argument("--jobs", type=int, default=2, help="students at a time; default 2")
    parser.add_argument(
        "--canvas", type=Path, help="a gradebook exported by Canvas, for its columns"
    )
    parser.add_argument("--assignments", type=Path, default=ASSIGNMENTS, help="a private folder")
    parser.add_argument("--no-isolation", action="store_true", help="run submissions as you")
    return parser


def main() -> None:
    """Grade, write, and say where."""
    args = arguments().parse_args()
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no reason
        stream.reconfigure(errors="backslashreplace")
    try:
        if args.no_isolation:
            print(WITHOUT, file=sys.stderr)
        else:
            sandbox.check()
        assignment = load(args.assignment, args.assignments)
        if args.canvas:
            write.gradebook(args.canvas)  # before an hour of grading, not after
        given = submissions(args.submissions, assignment.name, args.out)
        if not given:
            raise ValueError(f"{args.submissions} holds no submissions")
        grader = Grader(assignment, args.seed, sandboxed(not args.no_isolation))
        out = args.out / assignment.name
        isolated = not args.no_isolation
        with alone(out):
            results = everyone(grader, given, out, args.jobs, isolated)
            said = write.everything(grader, results, out, isolated, args.canvas)
    except (ValueError, OSError, sandbox.NoSandbox) as problem:
        raise SystemExit(f"grader: {problem}") from None
    except KeyboardInterrupt:
        raise SystemExit("\nStopped. The same command goes on from here.") from None
    print("\n".join(said))


if __name__ == "__main__":
    main()
