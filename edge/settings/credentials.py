"""Settings from systemd's credentials: secrets that lie in no file of ours and in no environment.

`LoadCredential=linegate:/etc/linegate/credentials` gives the daemon each file of that folder as
`linegate_NAME`, where NAME is a setting such as `mqtt.password`.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from edge.core.errors import SettingsError

PREFIX = "linegate_"


def read_credentials(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Texts by "section.key"; a setting that names a file, as mqtt.key_file, gets the credential's path.

    Raises SettingsError where one cannot be read. Credentials of others, without our prefix, are left alone.
    """
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    try:
        files = sorted(Path(folder).glob(f"{PREFIX}*"))
        return {file.name.removeprefix(PREFIX): _value(file) for file in files}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"credential in {folder}: cannot be read as text ({error})") from error


def _value(file: Path) -> str:
    return str(file) if file.name.endswith("_file") else file.read_text("utf-8").rstrip("\r\n")
