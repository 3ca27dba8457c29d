"""A double of GitHub with GitHub's own description, from the packages that scripts/setup test-tools has put there."""

import os
from pathlib import Path

from contract import load
from double import GitHubDouble
from server import CACHE

NODE_MODULES = Path(os.environ.get("NIMA_NODE_MODULES") or CACHE / "node" / "node_modules")


def opened(folder):
    return GitHubDouble(folder, load(NODE_MODULES, CACHE))
