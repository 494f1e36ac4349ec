"""Which way the planner's imports run: it reads cards and config, imports nothing heavy, and no step imports it."""

import ast
import subprocess
import sys

from clrface.fingerprint import ROOT

HEAVY = ("torch", "snakemake", "pandas", "matplotlib", "dlib", "cv2", "scipy", "skimage")
MAY_PLAN = ("clrface.plan", "clrface.cli")


def modules():
    for path in (ROOT / "clrface").rglob("*.py"):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_step_imports_the_planner_so_that_editing_it_reruns_nothing():
    for name, tree in modules():
        if not name.startswith(MAY_PLAN):
            assert not [other for other in imported(tree) if other.startswith("clrface.plan")], name


def test_the_planner_imports_nothing_heavy():
    plan = [name for name, _ in modules() if name.startswith("clrface.plan")]
    check = f"import sys, {', '.join(plan)}; sys.exit(' '.join(name for name in {HEAVY} if name in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
