"""The topics of a station, in one place."""


class Topics:
    """Topics below inspection/{station}."""

    def __init__(self, station: str) -> None:
        self.base = f"inspection/{station}"
        self.status = f"{self.base}/status"
        self.verdict = f"{self.base}/verdict"
        self.reject = f"{self.base}/reject"
        self.pass_ = f"{self.base}/pass"
        self.stats = f"{self.base}/stats"
        self.alarm = f"{self.base}/alarm"
        self.bits = f"{self.base}/bits"
        self.shadow = f"{self.base}/shadow"
        self.response = f"{self.base}/response"

    def incoming(self, kind: str) -> str:
        """The topic of a kind of message that the station takes."""
        return f"{self.base}/{kind}"

    def command(self, action: str) -> str:
        """The topic of a gate command."""
        return self.reject if action == "reject" else self.pass_
