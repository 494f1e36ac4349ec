"""The config, checked before any work, and what the rules ask of it. Every function of the workflow lives here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)

import yaml

from clrface.config import Known, load_config, rows, table_datasets, validate_config
from clrface.degrade.recipes import load_recipes
from clrface.errors import UserError
from clrface.fetch.sources import entry_digest, load_sources
from clrface.files import sha256_file
from clrface.fingerprint import fingerprint
from clrface.manifest import chunk_name, chunks, from_folder, read_manifest, select
from clrface.metrics.registry import metric_card, metric_cards, metric_modules
from clrface.registry import method_card, method_cards, method_module
from clrface.weights import digest, local_folder

TRAINING_CHUNK = 2000
PYTHON = f"OMP_NUM_THREADS={{threads}} {shlex_quote(sys.executable)} -m clrface"


def shlex_quote(text):
    import shlex

    return shlex.quote(text)
