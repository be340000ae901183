"""config.toml, environment and flags as one model."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.allowed import IN_WORDS, NAME
from edge.core.errors import SettingsError
from edge.settings.load_settings import load_settings
from edge.settings.settings import KINDS, Settings, setting_fields
from edge.settings.settings_document import FIRST, settings_document

ROOT = Path(__file__).parents[3]


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_flags_come_before_the_environment_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(
        tmp_path, '[camera]\nreplay_fps = 1\nseed = 1\n[mqtt]\nhost = "a"\nport = 1\n[station]\nname = "s"\n'
    )
    monkeypatch.setenv("EDGE_CAMERA__SEED", "2")
    monkeypatch.setenv("EDGE_MQTT__PORT", "2")
    settings = load_settings(file, {"mqtt.port": "3"})
    assert settings.camera.kind == "simulated"
    assert (settings.camera.replay_fps, settings.camera.seed) == (1, 2)
    assert (settings.mqtt.host, settings.mqtt.port, settings.station.name) == ("a", 3, "s")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[camera]\nreplay_fsp = 5\n",
            r"camera\.replay_fsp: unknown setting; did you mean camera\.replay_fps",
        ),
        ("[camra]\nrate = 5\n", r"camra: unknown setting; did you mean camera\?"),
        ("[camera]\nreplay_fps = -5\n", r"camera\.replay_fps: input should be greater than 0 \(given: -5\)"),
        ('[camera]\nreplay_fps = "fast"\n', r"camera\.replay_fps: .*valid number"),
        ("camera = 5\n", r"camera: must be a table"),
        ("[camera\n", r"not valid TOML"),
        (
            '[station]\nname = "Line 3"\n',
            r"station\.name: expected 1 to 64 .*letters, digits, - and _ .*Line 3",
        ),
        ('[station]\nname = ""\n', r"station\.name: expected 1 to 64"),
        (
            '[journal]\nshifts = "6:00, 14:00"\n',
            r"journal\.shifts: expected times .*06:00 14:00 22:00.*given: '6",
        ),
        (
            '[camera]\nkind = "device"\nfourcc = "mjpg"\n',
            r"camera\.fourcc: expected four capital letters or digits.*'mjpg'",
        ),
        ("[model]\ntrusted_keys = ['0xAB']\n", r"model\.trusted_keys\.0: expected 64 .*0 to 9 and a to f"),
        ("[recipe]\nok_below = 0.5\n", r"must be given together"),
        ('[gate]\nmode = "maybe"\n', r"gate\.mode: .*reject-unless-ok"),
        ("[camera]\nreplay_fps = " + "[" * 3000 + "]" * 3000, r"nested too deeply"),
        ("[camera]\nreplay_fps = " + "9" * 5000, r"not valid TOML: .*5000 digits"),
        ('"a\\nb" = 1\n', r"a\\nb: unknown setting"),
        ('[recipes.a]\n"b\\nc" = 1\n', r"recipes\.a\.b\\nc: unknown setting"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        load_settings(_file(tmp_path, text), {})
    assert "settings.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: cannot be read"):
        load_settings(tmp_path / "absent.toml", {})


@pytest.mark.parametrize(
    ("variable", "value"), [("EDGE_CAMERA__RAET", "5"), ("EDGE_FOO", "1"), ("EDGE_CAMERA__REPLAY_FPS", "x")]
)
def test_a_wrong_variable_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        load_settings(None, {})


@pytest.mark.parametrize("text", ["[" * 5000, "[" + "9" * 5000 + "]"])
def test_a_flag_that_no_parser_likes_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--recipe\.region: not valid JSON"):
        load_settings(None, {"recipe.region": text})


@pytest.mark.parametrize(
    "topics",
    [
        "inspection/line-2/reject", "#", "+/line-2/reject", "hmi inspection/#", "$SYS/a", "a/#/b", "a+/b",
    ],
)  # fmt: skip
def test_answers_may_be_sent_to_no_station(topics: str) -> None:
    with pytest.raises(SettingsError, match=r"--mqtt\.response_topics: .*expected"):
        load_settings(None, {"mqtt.response_topics": topics})
    assert load_settings(None, {"mqtt.response_topics": "hmi/+/a plc/#"}).mqtt.response_topics


def test_a_wrong_flag_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"--camera\.replay_fps"):
        load_settings(None, {"camera.replay_fps": "fast"})


def test_a_password_is_never_shown() -> None:
    settings = load_settings(None, {"mqtt.username": "line", "mqtt.password": "hunter2"})
    assert "hunter2" not in repr(settings)
    assert settings.mqtt.password.get_secret_value() == "hunter2"


def test_the_committed_file_is_the_settings_with_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (ROOT / "config.toml").read_text() == settings_document()
    assert load_settings(ROOT / "config.toml", {}).model_dump() == load_settings(None, {}).model_dump()


def test_every_setting_says_what_it_does() -> None:
    assert [key for key, field in setting_fields() if not field.description] == []


def test_a_region_can_be_given_as_json() -> None:
    region = load_settings(
        None, {"recipe.region": '{"x": 1, "y": 2, "width": 30, "height": 40}'}
    ).recipe.region
    assert region is not None
    assert (region.x, region.height) == (1, 40)


RECIPES = """
[gate]
pulse_ms = 40
[recipes.can]
bundle = "can.tflite"
ok_below = 0.1
defect_from = 0.2
gate = { travel_ms = 700 }
[recipes.jar]
region = { x = 1, y = 2, width = 30, height = 40 }
"""


def test_a_recipe_says_what_differs_for_its_product(tmp_path: Path) -> None:
    settings = load_settings(_file(tmp_path, RECIPES), {"model.path": "all.tflite"})
    assert settings.recipe_names == ["default", "can", "jar"]
    assert [Path(settings.bundle_of(name)).name for name in settings.recipe_names] == [
        "all.tflite", "can.tflite", "all.tflite"
    ]  # fmt: skip
    can = settings.gate_of("can")
    assert (can.travel_ms, can.pulse_ms) == (700, 40)
    assert settings.gate_of("jar") == settings.gate_of("default") == settings.gate
    assert settings.recipe_of("can").defect_from == 0.2
    assert settings.recipe_of("default") is settings.recipe


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[recipes.can]\nok_blow = 1\n", r"recipes\.can\.ok_blow: unknown setting; did you mean ok_below\?"),
        ("[recipes.can]\nok_below = 0.1\n", r"recipes\.can: .*must be given together"),
        (
            "[recipes.can]\ngate = { travel_ms = 5 }\n",
            r"recipes\.can\.gate: gate\.travel_ms must be",
        ),
        ("[recipes.can]\ngate = { mode = 'x' }\n", r"recipes\.can\.gate\.mode: unknown setting"),
        ("[recipes.default]\n", r"recipes\.default: this name means \[recipe\]"),
        ('[recipes."a/b"]\n', r"recipes\.a/b.*: expected 1 to 64 .*letters, digits, - and _"),
        ('[recipes."Größe 7"]\n', r"recipes\.Größe 7.*: expected 1 to 64 .*letters, digits, - and _"),
        ("recipes = 5\n", r"recipes: must be a table"),
        ("[recipes]\ncan = 5\n", r"recipes\.can"),
        ('[shadow]\nrecipe = "jar"\n', r"shadow\.recipe: there is no recipe 'jar'"),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        load_settings(_file(tmp_path, text), {})
    assert "settings.toml" in str(error.value)


@pytest.mark.parametrize("text", ["[camera]\r\nsettle_ms = 7\r\n", "# über\n[camera]\nsettle_ms = 7"])
def test_a_byte_order_mark_before_the_settings_is_no_part_of_them(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text, encoding="utf-8-sig", newline="")
    assert load_settings(file, {}).camera.settle_ms == 7


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_of_another_encoding_is_told_how_to_save_it(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[camera]\nsource = "Größe"\n', encoding=encoding)
    with pytest.raises(SettingsError, match=r"settings\.toml: is not UTF-8 text; save it as UTF-8"):
        load_settings(file, {})


def patterns(schema: object) -> Iterator[str]:
    """Every regular expression in a JSON schema."""
    if isinstance(schema, dict):
        yield from (text for key, text in schema.items() if key == "pattern" and isinstance(text, str))
        yield from (text for value in schema.values() for text in patterns(value))
        yield from schema.get("patternProperties", {})
    elif isinstance(schema, list):
        yield from (text for value in schema for text in patterns(value))


def test_what_every_pattern_allows_is_said_in_words() -> None:
    found = set(patterns(Settings.model_json_schema()))
    assert NAME in found
    assert found <= set(IN_WORDS)


@pytest.mark.parametrize("section", [*KINDS])
def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(section: str, tmp_path: Path) -> None:
    kinds = " or ".join(f'"{kind}"' for kind in KINDS[section])
    with pytest.raises(
        SettingsError, match=rf"settings\.toml: {section}\.kind: expected {kinds} \(given: 'x'\)"
    ):
        load_settings(_file(tmp_path, f'{section}.kind = "x"'), {})


def test_a_key_of_another_kind_is_refused_with_the_kind_that_it_goes_with(tmp_path: Path) -> None:
    text = 'trigger.kind = "message"\ntrigger.contrast = 30\n'
    said = (
        r"settings\.toml: trigger\.contrast: goes with trigger\.kind = \"line-crossing\", "
        r"which is \"message\" here"
    )
    with pytest.raises(SettingsError, match=said):
        load_settings(_file(tmp_path, text), {})
    with pytest.raises(
        SettingsError, match=r"--camera\.url: goes with .* \"stream\" or \"snapshot\", which is"
    ):
        load_settings(None, {"camera.url": "rtsp://10.0.0.5/line"})


def test_what_a_file_says_of_its_kind_of_camera_gives_way_to_a_flag_that_names_another(
    tmp_path: Path,
) -> None:
    file = _file(tmp_path, 'camera.kind = "device"\ncamera.exposure = 80\ncamera.stall_ms = 700\n')
    camera = load_settings(file, {"camera.kind": "simulated"}).camera
    assert (camera.kind, camera.stall_ms) == ("simulated", 700)
    camera = load_settings(file, {"camera.kind": "device", "camera.gain": "2"}).camera
    assert camera.kind == "device"
    assert (camera.exposure, camera.gain) == (80, 2)


def test_every_setting_stands_in_the_document_once_and_what_everybody_changes_first() -> None:
    lines = settings_document().splitlines()
    written = [line.lstrip("#").split(" =")[0] for line in lines if re.match(r"#?[a-z]+\.[a-z_]+ =", line)]
    assert written[: len(FIRST)] == [*FIRST]
    assert {*written} == {key for key, _ in setting_fields()}
    assert sorted({key for key in written if written.count(key) > 1}) == ["camera.fps"]  # of two kinds


def test_the_document_shows_the_defaults(tmp_path: Path) -> None:
    """All its lines, switched on, change nothing."""
    lines = settings_document().split("# ======== Further products")[0].splitlines()
    values = [line.lstrip("#") for line in lines if re.match(r"#?[a-z]+\.[a-z_]+ = .", line)]
    for section, kinds in KINDS.items():
        for kind, model in kinds.items():
            of_kind = [
                v for v in values if v.split(" =")[0] in {f"{section}.{k}" for k in model.model_fields}
            ]
            needed = {"url": "http://a/b.jpg", "path": "a", "pipeline": "a"}
            given = {f"{section}.{k}": v for k, v in needed.items() if k in model.model_fields}
            text = "\n".join(
                value for value in of_kind if not value.startswith((f"{section}.kind", "camera.fps"))
            )
            file = _file(tmp_path, f'{section}.kind = "{kind}"\n{text}\n')
            all_said = load_settings(file, given)
            assert all_said == load_settings(_file(tmp_path, f'{section}.kind = "{kind}"\n'), given)
    rest = [value for value in values if value.split(".")[0] not in KINDS]
    assert load_settings(_file(tmp_path, "\n".join(rest)), {}) == load_settings(_file(tmp_path, ""), {})
