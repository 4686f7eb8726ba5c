"""A domain as a folder for evolvers of others, which want a file with `evaluate(program_path)`.

OpenEvolve, SkyDiscover and ShinkaEvolve share that contract: a dictionary of numbers comes back,
and `combined_score` is what they raise. Programs run in our sandbox, on the split `train`.
"""

import json
from pathlib import Path

from harness import files
from harness.evolve.domain import Domain

BEGIN, END = "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END"  # what lies between may be changed

EVALUATOR = '''\
"""Scores a program of the domain {domain} by `makespan evolve score`, in its sandbox.

`combined_score` is the references' sum of objectives over the program's: 1 is the optimum
everywhere, the more the better, and a program that fails on any instance has 0. What it is
chosen by is the split `train`; `makespan evolve score PROGRAM --domain {domain}` tells more.
"""

import json
import os
import subprocess

MAKESPAN = os.environ.get("MAKESPAN", "makespan")  # the command, where it is not on the path
SECONDS = 600


def evaluate(program_path):
    """Return the scores of a program; an error of makespan itself is raised, no score."""
    words = [MAKESPAN, "evolve", "score", program_path, "--domain", "{domain}", "--split", "train"]
    done = subprocess.run(
        [*words, "--json"], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if not done.stdout:
        raise RuntimeError(f"makespan evolve score: {{done.stderr[-500:]}}")
    score = json.loads(done.stdout)
    valid = score["valid"]
    return {{
        "combined_score": 1 / score["ratio"] if valid else 0.0,
        "ratio": score["ratio"],
        "skill": score["skill"],
        "valid": float(valid),
        "failed": float(len(score["failures"])),
        "seconds": score["seconds"],
    }}
'''
CONFIGURATION = """\
# Of OpenEvolve; the model is yours.
max_iterations: 60
diff_based_evolution: false
llm:
  api_base: http://127.0.0.1:8091/v1
  models:
    - name: MODEL
      weight: 1.0
prompt:
  system_message: {message}
evaluator:
  timeout: 600
  cascade_evaluation: false
  parallel_evaluations: 2
"""
MESSAGE = """\
You improve a Python function.

{facts}

Answer with a whole program that defines `def {function}({arguments})`.
It prints and reads nothing, and imports the standard library alone."""


def write_domain(domain: Domain, root: Path) -> None:
    """Write an evaluator, the first seed program and a configuration into a folder."""
    files.make_folder(root)
    files.write(root / "evaluator.py", EVALUATOR.format(domain=domain.name))
    program = next(iter(domain.programs.values()))
    files.write(root / "initial_program.py", f"{BEGIN}\n{program.rstrip()}\n{END}\n")
    message = MESSAGE.format(
        facts=domain.facts, function=domain.function, arguments=", ".join(domain.arguments)
    )
    files.write(root / "config.yaml", CONFIGURATION.format(message=json.dumps(message)))
