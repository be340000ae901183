"""docs/reference/statistics.md, written from the fields: `python -m edge.service.statistics_document`."""

import sys

from edge.core.measure import Measure, measures
from edge.service.readings import Readings, metric_name

_HEAD = """\
# Statistics and metrics

Made by `make schemas` from `edge/outputs/statistics.py` and `edge/service/readings.py`.

`…/stats` ([mqtt.md](mqtt.md), [its schema](schemas/linegate.stats.v1.json)) has these values every 5 s.
Prometheus reads the same at `http://127.0.0.1:PORT/metrics`, with `metrics.port` set, as they are at that
moment. A counter counts since the start, a gauge is what is there now.

## In `…/stats`

| key | metric | kind | unit | meaning |
| --- | --- | --- | --- | --- |
"""

_ALONE = """\

## For Prometheus alone

| metric | kind | unit | meaning |
| --- | --- | --- | --- |
| `linegate_station_info{station,bundle_sha256,version}` | info | | what decides here |
| `linegate_state{state}` | gauge | | 1 for the state that it is in, 0 for the others |
"""

_TAIL = """\

`process_…` tells of the process: memory, CPU time, open files.
"""


def statistics_document() -> str:
    """All statistics and metrics as a Markdown page."""
    published: list[str] = []
    alone: list[str] = []
    for path, measure in measures(Readings):
        if path[0] == "statistics":
            published.append(f"| `{'.'.join(path[1:])}` | {_metric(path, measure)} | {_rest(measure)}\n")
        else:
            alone.append(f"| {_metric(path, measure)} | {_rest(measure)}\n")
    return "".join((_HEAD, *published, _ALONE, *alone, _TAIL))


def _metric(path: tuple[str, ...], measure: Measure) -> str:
    if measure.kind == "summary":
        return "`linegate_latency_seconds` instead"
    labels = f"{{{','.join(measure.labels)}}}" if measure.labels else ""
    return f"`{metric_name(path)}{'_total' if measure.kind == 'counter' else ''}{labels}`"


def _rest(measure: Measure) -> str:
    return f"{measure.kind} | {measure.unit} | {measure.meaning} |"


if __name__ == "__main__":
    sys.stdout.write(statistics_document())
