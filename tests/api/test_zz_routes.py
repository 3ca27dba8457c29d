"""Last of tests/api: was every route that openapi.json names called, and its reply checked?"""

from pathlib import Path

import pytest
from client import CALLED


def test_every_route_was_called(api, request):
    config = request.config
    mine = {file.name for file in Path(__file__).parent.glob("test_*.py")}
    run = {Path(item.path).name for item in request.session.items if Path(item.path).parent == Path(__file__).parent}
    if run != mine or config.getoption("keyword") or config.getoption("markexpr") or any("::" in a for a in config.args):
        pytest.skip("only tells something when all of tests/api runs")
    never = sorted(api.document.routes() - CALLED)
    assert not never, f"never called: {', '.join(' '.join(route) for route in never)}"
