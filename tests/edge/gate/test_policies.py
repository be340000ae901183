"""Parts that the settings of a gate let pass."""

from typing import Any

import pytest

from edge.gate.policies import what_may_pass
from edge.settings.gate import GateSettings

SAFE = {"mode": "reject-unless-ok"}


def test_a_gate_that_passes_only_what_was_found_ok_has_nothing_to_say() -> None:
    assert what_may_pass(GateSettings.model_validate(SAFE)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mode": "reject-on-defect"}, "while the station or its broker is down every part passes"),
        ({"on_fault": "pass"}, "gate.on_fault"),
        ({"on_unsure": "pass"}, "gate.on_unsure"),
    ],
)
def test_each_setting_by_which_other_parts_pass_is_one_line(changed: dict[str, Any], said: str) -> None:
    (line,) = what_may_pass(GateSettings.model_validate({**SAFE, **changed}))
    assert said in line
    assert "\n" not in line
