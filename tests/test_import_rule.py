"""edge runs where there is neither TensorFlow nor the desktop's half of this project."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

IMPORT_ALL_OF_EDGE = """
import importlib.util, pkgutil, sys

NOT_ON_THE_DEVICE = {"tensorflow", "keras", "trainer", "quantize", "matplotlib", "sklearn", "scipy"}
ONLY_IN_AN_EXTRA = {"edge.cli.demo": "amqtt"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NOT_ON_THE_DEVICE:
            raise ModuleNotFoundError(f"{name} is not on the device", name=name)

sys.meta_path.insert(0, Absent())

import edge

for module in pkgutil.walk_packages(edge.__path__, "edge.", onerror=lambda name: None):
    extra = ONLY_IN_AN_EXTRA.get(module.name)
    if extra is None or importlib.util.find_spec(extra):
        importlib.import_module(module.name)
        print(module.name)

loaded = NOT_ON_THE_DEVICE & {name.partition(".")[0] for name in sys.modules}
sys.exit(f"loaded: {sorted(loaded)}" if loaded else 0)
"""


def test_a_station_loads_nothing_that_only_other_stations_need() -> None:
    """Each takes a good part of the time from its start to its first part."""
    code = "import sys, edge.station.app; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    not_needed = {"asyncio", "pymodbus", "starlette", "jinja2", "gpiod", "pyarrow", "tqdm", "multiprocessing"}
    assert set(done.stdout.split()) & not_needed == set()


def test_all_of_edge_can_be_imported_where_tensorflow_trainer_and_quantize_are_missing() -> None:
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL_OF_EDGE], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr
    imported = set(result.stdout.split())
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in (ROOT / "edge").rglob("*.py")
    }
    assert {name for name in modules - imported if not name.startswith("edge.cli.demo")} == {"edge"}
