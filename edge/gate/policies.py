"""Gate settings that let parts pass without an ok verdict, described for a person. Pure."""

from edge.settings.gate import GateSettings


def what_may_pass(gate: GateSettings) -> list[str]:
    """Return a line for each setting by which parts pass without a verdict "ok"; empty if there is none."""
    lines = []
    if gate.mode == "reject-on-defect":
        lines.append(
            'gate.mode = "reject-on-defect": while the station or its broker is down every part passes; '
            'with "reject-unless-ok" none does'
        )
    if gate.on_fault == "pass":
        lines.append('gate.on_fault = "pass": a part without a valid result passes; "reject" is safe')
    if gate.on_unsure == "pass":
        lines.append('gate.on_unsure = "pass": a part that a person should look at passes')
    return lines
