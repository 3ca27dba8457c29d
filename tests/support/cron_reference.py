"""1,000 cron lines with the times at which they come, by another implementation (cronsim, which follows Debian's cron).
`python tests/support/cron_reference.py > tests/data/cron.jsonl` writes the file that tests/unit/util/cron_test.c reads."""

import json
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

SEED, LINES, FIRINGS = 20261122, 1000, 6
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago")
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()


def one(rng, low, high, words=None):
    value = rng.randint(low, high)
    return rng.choice(words) if words and rng.random() < 0.3 else str(value)


def field(rng, low, high, star, words=None):
    kind = rng.random()
    if kind < star:
        return "*" if rng.random() < 0.7 else f"*/{rng.randint(1, max(2, high // 3))}"
    if kind < star + (1 - star) * 0.5:
        return one(rng, low, high, words)
    if kind < star + (1 - star) * 0.75:
        start = rng.randint(low, high - 1)
        text = f"{start}-{rng.randint(start + 1, high)}"
        return text + (f"/{rng.randint(1, max(1, high // 4))}" if rng.random() < 0.4 else "")
    if kind < star + (1 - star) * 0.85:
        return f"{rng.randint(low, high)}/{rng.randint(1, max(1, high // 3))}"
    return ",".join(one(rng, low, high, words) for _ in range(rng.randint(2, 4)))


def line(rng):
    hours = field(rng, 0, 23, 0.3) if rng.random() < 0.6 else rng.choice(("0", "1", "2", "3", "1-3", "2,3", "0/2"))
    return " ".join((
        field(rng, 0, 59, 0.25), hours, field(rng, 1, 31, 0.7), field(rng, 1, 12, 0.7, MONTHS), field(rng, 0, 7, 0.6, DAYS),
    ))  # fmt: skip


def start(rng, zone):
    """Any second of three years, or one shortly before the clocks change."""
    moment = datetime(2023, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=rng.randrange(3 * 365 * 86400))
    if rng.random() < 0.5:
        return moment
    at = ZoneInfo(zone)
    for _ in range(400):
        later = moment + timedelta(days=1)
        if moment.astimezone(at).utcoffset() != later.astimezone(at).utcoffset():
            return moment - timedelta(seconds=rng.randrange(86400))
        moment = later
    return moment


def by_minutes(cron, zone, after):
    """For a zone that moves by half an hour, which cronsim passes in steps of whole hours: every minute is looked at."""
    moment = after.replace(second=0, microsecond=0)
    for _ in range(400 * 24 * 60):
        moment += timedelta(minutes=1)
        local = moment.astimezone(ZoneInfo(zone))
        if not (local.month in cron.months and cron.match_day(local.date())):
            continue
        if local.hour in cron.hours and local.minute in cron.minutes:
            yield moment


def firings(text, zone, after):
    cron = CronSim(text, after.astimezone(ZoneInfo(zone)))
    elapsed = text.split()[0].startswith("*") or text.split()[1].startswith("*")
    times = by_minutes(cron, zone, after) if elapsed and zone == "Australia/Lord_Howe" else cron
    found = []
    for moment in times:
        moment = moment.astimezone(timezone.utc)
        if moment > after and moment not in found[-1:]:
            found.append(moment)
        if len(found) == FIRINGS or moment.year > 2050:
            break
    return [int(moment.timestamp()) for moment in found]


def lines():
    rng = random.Random(SEED)
    made = 0
    while made < LINES:
        text, zone = line(rng), rng.choice(ZONES)
        after = start(rng, zone)
        try:
            times = firings(text, zone, after)
        except CronSimError:
            continue
        if len(times) < FIRINGS:
            continue
        made += 1
        yield json.dumps({"cron": text, "zone": zone, "after": int(after.timestamp()), "times": times})


if __name__ == "__main__":
    for text in lines():
        print(text)
