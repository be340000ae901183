"""A journal and an archive that a station left, for the page to look at."""

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge.core.preprocess import InputSpec
from edge.inspection.heat import Heatmap
from edge.records.archive import Archive
from edge.records.journal import Journal, Record
from edge.records.result import PartResult
from edge.settings.archive import ArchiveSettings
from edge.settings.load_settings import load_settings
from edge.settings.settings import Settings

KINDS = ("ok", "ok", "ok", "defect", "ok", "unsure", "ok", "fault", "ok", "defect")
SPEC = InputSpec(width=64, height=64, channels=1)


def result(number: int, **more: object) -> PartResult:
    """The result of a part; every tenth number has the same verdict."""
    kind = KINDS[number % len(KINDS)]
    document = {
        "station": "line", "simulated": True, "id": f"run-{number}", "part": f"P-{number}",
        "sequence": number, "captured_at": datetime.now(UTC), "verdict": kind,
        "class": None if kind == "fault" else kind, "lot": "L1" if number < 20 else "L2",
        "score": {"ok": 0.05, "defect": 0.97, "unsure": 0.5}.get(kind), "truth": kind,
        "reason": "camera: away" if kind == "fault" else None, "action": "pass" if kind == "ok" else "reject",
        "latency_ms": 2.0 + number % 7, "bundle_sha256": "ab" * 32,
    }  # fmt: skip
    return PartResult.model_validate({**document, **more})


def leave(folder: Path, count: int, *, since_s: float = 600.0, archived: bool = True) -> Settings:
    """Inspections over the time before now, and pictures of those that were rejected; returns settings."""
    flags = {
        "station.name": "line",
        "journal.path": str(folder / "journal.sqlite"),
        "archive.path": str(folder / "archive"),
        "archive.min_free_mb": "0",
        "mqtt.enabled": "false",
    }
    settings = load_settings(None, flags)
    results = [result(number) for number in range(count)]
    journal = Journal(Path(settings.journal.path), max_rows=1_000_000)
    start = time.time() - since_s
    journal.append(
        [
            Record(start + since_s * number / count, one.payload().decode())
            for number, one in enumerate(results)
        ]
    )
    journal.close()
    if archived:
        archive = Archive(
            ArchiveSettings.model_validate({**settings.archive.model_dump(), "ok_share": 0}),
            alarm=lambda *_: None,
        )
        archive.start()
        noise = np.random.default_rng(3).integers(60, 190, (96, 128), np.uint8)
        for one in results:
            archive.offer(one, noise, Heatmap(np.eye(8, dtype=np.float32) * 9, SPEC))
        archive.stop(wait_s=60)
    return settings
