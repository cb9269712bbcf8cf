"""The GitHub workflows: valid, without secrets, with few permissions; the report of a failure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
WRITES = {  # job: what it may change
    "publish": {"pages", "id-token"},
    "notebooks": {"contents"},
    "report": {"issues"},
}


@pytest.fixture(params=FILES, ids=lambda p: p.stem)
def text(request):
    return request.param.read_text(encoding="utf-8")


def jobs(text):
    return yaml.safe_load(text)["jobs"].items()


def test_there_are_workflows():
    assert {p.stem for p in FILES} == {"test", "weekly"}


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "github-workflows-require-timeout"])
def test_valid(schema):
    done = validate(schema, *FILES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fault_is_seen(tmp_path):
    spoilt = tmp_path / "spoilt.yml"
    spoilt.write_text(FILES[0].read_text().replace("runs-on:", "run-on:"))
    assert validate("vendor.github-workflows", spoilt).returncode == 1


def validate(schema, *files):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    return subprocess.run(command, capture_output=True, text=True)


def test_actions_are_pinned_by_major_version(text):
    used = [s["uses"] for _, job in jobs(text) for s in job["steps"] if "uses" in s]
    assert used
    assert [u for u in used if not re.fullmatch(r"actions/[\w-]+@v\d+", u)] == []


def test_no_secret_is_used(text):
    assert "secrets." not in text


def test_permissions_are_minimal(text):
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    for name, job in jobs(text):
        given = job.get("permissions", {})
        assert {k for k, v in given.items() if v == "write"} == WRITES.get(name, set())


def test_the_published_site_knows_its_addresses():
    (steps,) = (job["steps"] for name, job in jobs(FILES[0].read_text()) if name == "site")
    (build,) = (s for s in steps if s.get("run") == "make book")
    assert set(build["env"]) == {"LOSSBOOK_REPOSITORY", "LOSSBOOK_BRANCH", "LOSSBOOK_SITE"}
    assert any(s.get("id") == "pages" for s in steps[: steps.index(build)])


def test_every_make_target_and_tool_exists(text):
    makefile = (ROOT / "Makefile").read_text()
    commands = re.findall(r"run: (?!\|)(.+)|^ {14,}(make .+|python3 .+)$", text, re.M)
    for command in map("".join, commands):
        program, *words = command.split()
        if program == "make":
            for target in (w for w in words if "=" not in w):
                assert re.search(rf"^{target}:", makefile, re.M), target
        elif program == "python3":
            assert (ROOT / words[0]).is_file()


# ------------------------------------------------------------------ .ci/report
GH = """\
#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
case "$1 $2" in
    "issue list") cat "$OPEN" ;;
    *) cat "${@: -1}" >>"$CALLS" ;;
esac
"""


@pytest.fixture
def report(tmp_path):
    gh = tmp_path / "bin/gh"
    gh.parent.mkdir()
    gh.write_text(GH)
    gh.chmod(0o755)
    (tmp_path / "logs").mkdir()

    def run(opened="[]"):
        (tmp_path / "open").write_text(opened)
        env = {
            **os.environ,
            "PATH": f"{gh.parent}{os.pathsep}{os.environ['PATH']}",
            "CALLS": str(tmp_path / "calls"),
            "OPEN": str(tmp_path / "open"),
            "RUN": "https://example.org/run/1",
            "GITHUB_WORKFLOW": "weekly",
        }
        subprocess.run([ROOT / ".ci/report", tmp_path / "logs"], env=env, check=True)
        return (tmp_path / "calls").read_text()

    run.log = tmp_path / "logs/newest versions.log"
    return run


needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


@needs_jq
def test_a_failure_opens_an_issue_with_the_end_of_the_log(report):
    report.log.write_text("".join(f"line {n}\n" for n in range(1000)))
    calls = report()
    assert "issue create --title The weekly run fails: newest versions" in calls
    assert "line 999\n" in calls and "line 939\n" not in calls
    assert "https://example.org/run/1" in calls


@needs_jq
def test_a_second_failure_adds_to_the_open_issue(report):
    report.log.write_text("again\n")
    other = '{"number": 3, "title": "The weekly run fails: newest versions of all"}'
    same = '{"number": 8, "title": "The weekly run fails: newest versions"}'
    calls = report(f"[{other}, {same}]")
    assert "issue comment 8" in calls and "issue create" not in calls


@needs_jq
def test_a_run_without_a_log_is_reported(report):
    assert "issue create --title The weekly run fails: no log" in report()
