"""A page and what it looks at."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from edge.page.app import build_app
from edge.settings.settings import Settings
from tests.edge.page.leftovers import leave

BASE = "http://127.0.0.1:8620"


@pytest.fixture
def left(tmp_path: Path) -> Settings:
    return leave(tmp_path, 40)


@pytest.fixture
def client(left: Settings) -> Iterator[TestClient]:
    with TestClient(build_app(left), base_url=BASE) as made:
        yield made
