"""tests/data/cron.jsonl, which the unit test of cron lines reads, is what the other implementation says."""

from itertools import islice

from cron_reference import LINES, lines
from server import ROOT

AGAIN = 150


def test_the_lines_are_those_of_the_reference():
    kept = (ROOT / "tests/data/cron.jsonl").read_text().splitlines()
    assert len(kept) == LINES
    assert list(islice(lines(), AGAIN)) == kept[:AGAIN]
