"""One run of the conveyor with all that goes wrong on it."""

import heapq
import itertools
import random
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from typing import Any

from edge.core.decision import Verdict
from edge.gate.belt import CountedBelt, TimedBelt
from edge.gate.gate import Gate, GateCommand, TrackedPart
from edge.settings.gate import GateSettings
from testing.conveyor.parts import (
    COUNTS,
    GAP,
    JITTER,
    LEAD,
    MARGIN,
    PULSE,
    REACH,
    TRAVEL,
    WINDOW,
    BeltPath,
    Part,
)

SAMPLE_S = 0.01
DONE_BEHIND = 700.0

SCENARIOS = [
    ("steady", "reject-on-defect"),
    ("steady", "reject-unless-ok"),
    ("message", "reject-on-defect"),
    ("message", "reject-unless-ok"),
    ("encoder", "reject-on-defect"),
    ("encoder", "reject-unless-ok"),
]


class World:
    """One run of the conveyor with all that goes wrong on it; ``errors`` is the verdict on the gate."""

    def __init__(
        self,
        belt: str,
        mode: str,
        *,
        parts: int,
        seed: int,
        make_gate: Any = Gate,
        switch_s: float = 0.0,
    ) -> None:
        """``switch_s``: a product with another gate comes about so often; 0: none does."""
        self.switch_s = switch_s
        self.chance = random.Random(f"{belt} {mode} {seed}")
        self.kind, self.mode, self.wanted = belt, mode, parts
        self.settings = GateSettings.model_validate(
            {
                "mode": mode, "belt": belt, "travel_ms": TRAVEL, "min_gap_ms": GAP, "window_ms": WINDOW,
                "pulse_ms": PULSE, "margin_ms": MARGIN, "lead_ms": LEAD, "max_parts": 12,
                "travel_counts": int(TRAVEL * COUNTS), "min_gap_counts": int(GAP * COUNTS),
                "encoder_silence_ms": 40,
                **({"lead_ms": 25} if belt == "encoder" else {}),
            }
        )  # fmt: skip
        self.make_gate = make_gate
        self.errors: list[str] = []
        self.counts: Counter[str] = Counter()
        self.now = 0.0
        self.order = itertools.count()
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.path = BeltPath()
        self.parts: list[Part] = []
        self.first = 0  # parts before this one are judged
        self.laid = 0
        self.next_place = 100.0
        self.run_number = 0
        self.down = False
        self.blind = False
        self.lost = False
        self.broker_away = False
        self.encoder_offset = 0
        self.arrived: list[GateCommand] = []
        self.woken_at = float("inf")
        self.gate: Gate
        self.belt: Any
        self.start_station()

    @property
    def here(self) -> float:
        """Where the belt is now."""
        return self.path.place(self.now)

    def at(self, moment: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.events, (moment, next(self.order), action))

    # -- the station

    def start_station(self) -> None:
        self.run_number += 1
        self.down = False
        if self.kind == "encoder":
            self.belt = CountedBelt(silence_s=0.04, most_per_s=COUNTS * 4000)
        else:
            self.belt = TimedBelt(self.now, "forward" if self.kind == "steady" else "stopped")
        self.gate = self.make_gate(self.settings, self.belt)
        if self.kind == "message":
            self.belt.move(self.direction(), self.now)
            self.gate.found(self.now)
        self.lost = self.kind == "encoder"
        if not self.blind:
            self.watch()
        self.woken_at = float("inf")
        self.poll()

    def direction(self) -> Any:
        speed = self.path.speed
        return "forward" if speed > 0 else "reverse" if speed < 0 else "stopped"

    def watch(self) -> None:
        self.blind = False
        if not self.down:
            self.gate.watch(self.now)
            self.excuse(self.here, self.here)

    def unwatch(self) -> None:
        self.blind = True
        if not self.down:
            self.gate.unwatch(self.now)
            self.excuse(self.here, self.here)

    def excuse(self, start: float, end: float) -> None:
        """Parts at these places under the camera may be ejected for their neighbourhood."""
        reach = 2 * GAP + (600 if self.kind != "steady" else 0)
        for part in self.near(start - reach, end + reach):
            part.excused = True

    def poll(self) -> None:
        """Ask the gate what to do, as its thread does."""
        if self.down:
            return
        for command in self.gate.step(self.now):
            self.send(command)
        wake = min(self.gate.wake, self.now + 0.02) if self.broker_away else self.gate.wake
        if wake < self.woken_at:
            self.woken_at = moment = max(wake, self.now) + self.chance.uniform(0.00001, 0.0015)
            self.at(moment, lambda: self.wake_up(moment))

    def wake_up(self, moment: float) -> None:
        if self.woken_at == moment:
            self.woken_at = float("inf")
            self.poll()

    def send(self, command: GateCommand) -> None:
        if self.broker_away:
            self.gate.unsent(command)
            self.counts["unsent"] += 1
            return
        self.counts["sweeps" if command.part is None else "commands"] += 1
        if self.now > command.due:
            self.errors.append(f"{self.now:.4f}: sent after it was due: {command}")
        arrives = self.now + self.chance.uniform(0.0003, 0.003)
        if arrives > command.valid_until:
            self.errors.append(f"{self.now:.4f}: came after valid_until: {command}")
        if command.action == "pass" or command.due_count is not None:
            self.at(arrives, lambda: self.take(command))
        else:
            begin = max(arrives, command.due)
            end = max(begin, command.due + command.pulse_ms / 1000)
            self.at(end, lambda: self.kick(command, begin, end))

    # -- the physical world

    def near(self, start: float, end: float) -> list[Part]:
        first = bisect_left(self.parts, start, lo=max(0, self.first - 50), key=lambda part: part.place)
        last = bisect_right(self.parts, end, lo=max(0, self.first - 50), key=lambda part: part.place)
        return self.parts[first:last]

    def kick(self, command: GateCommand, begin: float, end: float) -> None:
        """The ejector acted from ``begin`` to now."""
        low, high = self.path.extent(begin, end)
        low, high = low - REACH, high + REACH
        for part in self.near(low - TRAVEL - 9, high - TRAVEL + 9):
            if low <= part.gate <= high and part.ejected_by is None:
                part.ejected_by = command
                own = str(part.number) == command.part
                if command.part is not None and not own and self.is_entitled(part):
                    self.errors.append(f"{self.now:.4f}: {command} hit part {part.number}")

    def cross_ejector(self, part: Part) -> None:
        """A part is at the ejector, and the PLC has the commands that arrived."""
        if part.ejected_by is not None:
            return
        part.crossed_down |= self.down
        self.arrived = [command for command in self.arrived if command.valid_until > self.now - 2]
        for command in self.arrived:
            if self.means_this_place(command):
                if command.part != str(part.number) and (command.action == "pass" or self.is_entitled(part)):
                    self.errors.append(f"{self.now:.4f}: {command} got part {part.number}")
                if command.action == "reject":
                    part.ejected_by = command
                return
        if self.mode == "reject-unless-ok":
            part.ejected_by = GateCommand(None, "reject", self.now, self.now, 0, "no pass")

    def take(self, command: GateCommand) -> None:
        """A command came; a reject whose part is just at the ejector is done at once."""
        self.arrived.append(command)
        if command.action == "reject" and self.means_this_place(command, REACH):
            self.kick(command, self.now, self.now)

    def means_this_place(self, command: GateCommand, reach: float = WINDOW / 2) -> bool:
        """A PLC with the encoder acts around the count, one without around the time."""
        if command.due_count is None:
            return abs(self.now - command.due) <= reach / 1000
        count = self.here * COUNTS + self.encoder_offset
        return abs(count - command.due_count) <= reach * COUNTS

    def cross_camera(self, part: Part, *, back: bool) -> None:
        """A part comes under the camera; seen a moment later, and not quite when it was."""
        part.went_back |= back or part.seen_in_run is not None
        if self.down or self.blind:
            return
        run, its_gate = self.run_number, self.gate
        seen = self.now + self.chance.uniform(-JITTER, JITTER) / 1000
        count = None
        if self.kind == "encoder" and self.chance.random() < 0.3:  # a PLC that latches the count
            count = round(self.path.place(seen) * COUNTS) + self.encoder_offset

        def sighted() -> None:
            if run != self.run_number or self.down:
                return
            if self.lost:
                part.excused = True
            else:
                part.seen_in_run = run
            over = its_gate.in_flight >= self.settings.max_parts
            tracked = its_gate.expect(str(part.number), seen, count=count)
            if over:
                self.counts["overflows"] += 1
                self.excuse(part.place, part.place)
            part.tracked.append(tracked)
            self.poll()
            self.inspect(part, tracked, run)

        self.at(self.now + self.chance.uniform(0.002, 0.0045), sighted)

    def inspect(self, part: Part, tracked: TrackedPart, run: int) -> None:
        """Inference: quick, or late, or never."""
        dice = self.chance.random()
        if dice < 0.01:
            self.counts["never answered"] += 1
            return
        delay = self.chance.uniform(0.001, 0.01) if dice < 0.95 else self.chance.uniform(0.05, 0.6)
        gate = self.gate

        def decided() -> None:
            if run != self.run_number or self.down:
                return
            trouble = gate.decide(tracked, part.found, self.now)
            # The judge's own view of "in time": the part was not yet at the ejector.
            if part.found == Verdict.OK and self.here < part.gate and tracked is part.tracked[-1]:
                part.known_run = run
                if self.here < part.gate - 4 * MARGIN - LEAD:
                    part.ok_in_run = run
            self.counts["late" if trouble else "decided"] += 1
            self.poll()

        self.at(self.now + delay, decided)

    # -- the judge

    def neighbours(self, part: Part, distance: float) -> bool:
        return len(self.near(part.place - distance, part.place + distance)) > 1

    def is_entitled(self, part: Part) -> bool:
        """True if a part was found ok well in time, with nothing around it that would excuse a reject."""
        return (
            part.ok_in_run == self.run_number
            and part.seen_in_run == self.run_number
            and not (part.excused or part.went_back or self.lost)
            and not self.neighbours(part, GAP + 2 * JITTER + (3 if self.kind == "encoder" else 0))
        )

    def judge(self, part: Part) -> None:
        self.counts["parts"] += 1
        passed = part.ejected_by is None
        self.counts["passed" if passed else "ejected"] += 1
        if passed:
            why = self.why_it_must_not(part)
            if why and not (part.crossed_down and self.mode == "reject-on-defect"):
                self.errors.append(f"{self.now:.4f}: part {part.number} passed: {why} {part}")
        elif self.is_entitled(part):
            self.errors.append(f"{self.now:.4f}: good part {part.number} was ejected: {part}")

    def why_it_must_not(self, part: Part) -> str | None:
        if part.known_run is None:
            return "nobody found it ok in time"
        if part.found != Verdict.OK:
            return "it was not found ok"
        others = self.near(part.place - GAP + 4 * JITTER, part.place + GAP - 4 * JITTER)
        if any(other.seen_in_run == part.seen_in_run and other is not part for other in others):
            return None if part.went_back else "another part is too close"
        return None

    # -- what happens

    def lay_parts(self, until: float) -> None:
        """Parts on the belt, some too close to another."""
        while self.next_place < until and self.laid < self.wanted:
            found = self.chance.choices(list(Verdict), [80, 14, 3, 3])[0]
            slip = self.chance.uniform(-JITTER, JITTER)
            self.parts.append(Part(self.laid, self.next_place, slip, found))
            self.laid += 1
            close = self.chance.random() < 0.02
            gap = self.chance.uniform(12, GAP) if close else GAP + 4 + self.chance.expovariate(1 / 25)
            self.next_place += gap

    def schedule_crossings(self, seconds: float) -> None:
        """The belt's speed holds for so long: who crosses camera and ejector meanwhile."""
        speed = self.path.speed * 1000
        here = self.here
        there = here + speed * seconds
        if speed == 0:
            return
        low, high = min(here, there), max(here, there)
        for part in self.near(low, high):
            if low < part.place <= high:
                moment = self.now + (part.place - here) / speed
                self.at(moment, lambda part=part: self.cross_camera(part, back=speed < 0))  # type: ignore[misc]
        for part in self.near(low - TRAVEL - 9, high - TRAVEL + 9):
            if low < part.gate <= high:
                if speed < 0:
                    part.went_back = True
                else:
                    moment = self.now + (part.gate - here) / speed
                    self.at(moment, lambda part=part: self.cross_ejector(part))  # type: ignore[misc]

    def next_stretch(self) -> float:
        """Choose how the belt goes on; returns for how long."""
        if self.kind == "steady":
            return 0.5
        if self.kind == "message":
            dice = self.chance.random()
            if self.path.speed != 1 or dice < 0.5:
                speed, seconds = 1.0, self.chance.uniform(0.02, 1.5)
            elif dice < 0.9:
                speed, seconds = 0.0, self.chance.uniform(0.01, 1.0)
            else:
                speed, seconds = -1.0, self.chance.uniform(0.005, 0.1)
            if speed != self.path.speed:
                self.path.change_speed(speed, self.now)
                here = self.here - TRAVEL
                for part in self.near(here - 4 * JITTER, here + 4 * JITTER):
                    part.excused = True  # too near for its command to be said again
                self.at(self.now + self.chance.uniform(0, 0.001), self.tell_direction)
            return seconds
        target = self.chance.choice([1.0, 1.0, 1.0, 0.0, 1.3, 0.6])
        speed = self.path.speed + max(-0.15, min(0.15, target - self.path.speed))
        if self.chance.random() < 0.01 and speed < 0.2:
            speed = -0.1
        self.path.change_speed(speed, self.now)
        return 0.05

    def tell_direction(self) -> None:
        if not self.down:
            self.belt.move(self.direction(), self.now)
            self.poll()

    def sample_encoder(self) -> None:
        """The encoder's count, every ten milliseconds unless it is away."""
        if self.laid < self.wanted or self.first < len(self.parts):
            self.at(self.now + SAMPLE_S, self.sample_encoder)
        dice = self.chance.random()
        if dice < 0.00005:
            self.encoder_offset += 1_000_000  # set back, by a restart of the PLC
        if self.down or getattr(self, "encoder_away", 0) > self.now:
            return
        if dice > 0.9999:
            self.encoder_away = self.now + 0.3
        if not self.belt.count(round(self.here * COUNTS) + self.encoder_offset, self.now):
            self.lose()
        if self.gate.lost is not None and not self.belt.is_silent(self.now):
            self.gate.found(self.now)
            self.lost = False
            self.excuse(self.here - TRAVEL - 50, self.here)
        self.poll()

    def check_encoder(self) -> None:
        """As the daemon does: without counts the gate is told that it is lost."""
        self.at(self.now + 0.02, self.check_encoder)
        if not self.down and self.gate.lost is None and self.belt.is_silent(self.now):
            self.lose()
            self.poll()

    def lose(self) -> None:
        self.counts["lost"] += 1
        self.lost = True
        self.gate.lose("encoder")
        self.excuse(self.here - TRAVEL - 50, self.here + 200)

    def trouble(self) -> None:
        """Now and then the camera goes blind, the station dies, or the broker goes away."""
        if self.laid >= self.wanted:
            return
        self.at(self.now + self.chance.expovariate(1 / 8), self.trouble)
        if self.down or self.blind:
            return
        dice = self.chance.random()
        if dice < 0.5:
            self.counts["blind"] += 1
            self.unwatch()
            self.at(self.now + self.chance.uniform(0.005, 1.2), self.watch_again)
        elif dice < 0.8 or self.mode == "reject-on-defect":
            self.counts["restarts"] += 1
            self.down = True
            self.excuse(self.here - TRAVEL - 50, self.here + 50)
            self.at(self.now + self.chance.uniform(0.02, 0.8), self.restart)
        else:
            self.counts["broker away"] += 1
            self.broker_away = True
            self.excuse(self.here - TRAVEL - 50, self.here + 900)
            self.at(self.now + self.chance.uniform(0.05, 0.8), self.broker_back)

    def switch(self) -> None:
        """Another product: its gate differs, if only in the pulse, so that this conveyor need not change."""
        self.at(self.now + self.chance.expovariate(1 / self.switch_s), self.switch)
        if self.down:
            return
        self.counts["switched"] += 1
        self.settings = self.settings.model_copy(update={"pulse_ms": self.chance.uniform(PULSE - 1, PULSE)})
        self.excuse(self.here - TRAVEL - 50, self.here + 50)
        self.gate.change(self.settings, self.now)
        self.poll()

    def watch_again(self) -> None:
        self.watch()
        self.poll()

    def restart(self) -> None:
        self.excuse(self.here - TRAVEL - 50, self.here)
        self.start_station()

    def broker_back(self) -> None:
        self.broker_away = False
        self.poll()

    def stretch(self) -> None:
        seconds = self.next_stretch()
        self.lay_parts(self.here + 3000)
        self.schedule_crossings(seconds)
        while self.first < len(self.parts) and self.parts[self.first].gate < self.here - DONE_BEHIND:
            self.judge(self.parts[self.first])
            self.first += 1
        if self.first > 20000:
            del self.parts[: self.first - 50]
            self.first = 50
        if self.laid < self.wanted or self.first < len(self.parts):
            self.at(self.now + seconds, self.stretch)

    def run(self) -> None:
        """Until every part is judged, or the judge has seen enough."""
        self.at(0.0, self.stretch)
        self.at(3.0, self.trouble)
        if self.switch_s:
            self.at(3.5, self.switch)
        if self.kind == "encoder":
            self.at(0.001, self.sample_encoder)
            self.at(0.01, self.check_encoder)
        while self.events and len(self.errors) < 20:
            if self.laid >= self.wanted and self.first >= len(self.parts):
                break
            self.now, _, action = heapq.heappop(self.events)
            action()
