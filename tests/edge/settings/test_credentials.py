"""Settings that systemd hands over as credentials."""

from pathlib import Path

import pytest

from edge.core.errors import SettingsError
from edge.settings.credentials import read_credentials
from edge.settings.load_settings import load_settings


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def test_a_credential_named_as_a_setting_sets_it(credentials: Path) -> None:
    (credentials / "linegate_mqtt.password").write_text("hush\n")
    assert load_settings(None, {"mqtt.username": "line"}).mqtt.password.get_secret_value() == "hush"


def test_a_setting_that_names_a_file_gets_the_credential_s_path(credentials: Path) -> None:
    for name in ("cert_file", "key_file"):
        (credentials / f"linegate_mqtt.{name}").write_text("-----BEGIN")
    mqtt = load_settings(None, {}).mqtt
    assert mqtt.key_file == str(credentials / "linegate_mqtt.key_file")


def test_it_comes_before_the_file_and_after_the_environment(
    credentials: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[mqtt]\nusername = "file"\npassword = "file"\nhost = "file"\n')
    (credentials / "linegate_mqtt.username").write_text("credential")
    (credentials / "linegate_mqtt.host").write_text("credential")
    monkeypatch.setenv("EDGE_MQTT__HOST", "environment")
    mqtt = load_settings(file, {}).mqtt
    assert (mqtt.username, mqtt.host, mqtt.password.get_secret_value()) == (
        "credential",
        "environment",
        "file",
    )


def test_those_of_others_are_left_alone(credentials: Path) -> None:
    (credentials / "database.password").write_bytes(b"\xff")
    assert read_credentials() == {}
    assert load_settings(None, {}).mqtt.password.get_secret_value() == ""


def test_an_unknown_one_is_refused_with_its_name(credentials: Path) -> None:
    (credentials / "linegate_mqtt.pasword").write_text("hush")
    with pytest.raises(SettingsError, match=r"linegate_mqtt\.pasword.*did you mean mqtt\.password"):
        load_settings(None, {})


def test_a_wrong_one_is_named_and_not_shown(credentials: Path) -> None:
    (credentials / "linegate_mqtt.port").write_text("hush")
    with pytest.raises(SettingsError, match=r"credential linegate_mqtt\.port") as error:
        load_settings(None, {})
    assert "hush" not in str(error.value)


def test_one_that_is_no_text_is_refused(credentials: Path) -> None:
    (credentials / "linegate_mqtt.password").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="credential"):
        load_settings(None, {})
