"""Random sequences: a belt with parts and all that goes wrong, told to the gate and to the judge alike."""

import heapq
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from edge.core.decision import Verdict
from edge.gate.controller import GateController
from edge.gate.gate import GateCommand, TrackedPart
from edge.settings.gate import GateSettings
from testing.judge.rules import Judge, Part, Rules, Say

COUNTS_PER_MS = 20
SAMPLE_S = 0.01
LONG_AGO_S = 1000.0
VERDICTS = [Verdict.OK, Verdict.DEFECT, Verdict.UNSURE, Verdict.FAULT]
_SAME_S = 1e-7
_ROUNDED_S = 1e-6  # as is said how long a command without a part lasts


class Clock:
    """The only clock there is; the process may be held before its next look but so many."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.looks: list[float] = []
        self._until_held = 0
        self._held_s = 0.0

    def hold(self, *, before_look: int, seconds: float) -> None:
        self._until_held, self._held_s = before_look, seconds

    def __call__(self) -> float:
        self._until_held -= 1
        if self._until_held == 0:
            self.now += self._held_s
        self.looks.append(self.now)
        return self.now


@dataclass
class Outcome:
    """The outcome of a sequence: where gate and judge differ, and what happened in it."""

    differences: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def settings_of(chance: random.Random) -> GateSettings:
    """A gate of any kind."""
    belt = chance.choices(["steady", "message", "encoder"], [40, 40, 20])[0]
    fixed = {
        "belt": belt,
        "mode": chance.choice(["reject-on-defect", "reject-unless-ok"]),
        "on_unsure": chance.choice(["reject", "pass"]),
        "on_fault": chance.choices(["reject", "pass"], [80, 20])[0],
        "max_parts": chance.choice([1, 2, 3, 5, 1000]),
        "encoder_silence_ms": chance.uniform(30, 100),
        "confirm_ms": chance.choice([0, chance.uniform(10, 200)]),
    }
    return GateSettings.model_validate({**fixed, **_times(chance, belt)})


def _times(chance: random.Random, belt: str) -> dict[str, float]:
    window, margin = chance.uniform(1, 8), chance.uniform(0.1, 6)
    lead = margin + chance.uniform(0.1, 12)
    gap = window + (2 * lead if belt == "message" else 0) + chance.uniform(0, 25)
    travel = gap + 2 * margin + chance.uniform(0, 250)
    return {
        "window_ms": window, "margin_ms": margin, "lead_ms": lead, "pulse_ms": chance.uniform(1, 50),
        "min_gap_ms": gap, "travel_ms": travel,
        "min_gap_counts": int(gap * COUNTS_PER_MS), "travel_counts": int(travel * COUNTS_PER_MS) + 1,
    }  # fmt: skip


def rules_of(settings: GateSettings) -> Rules:
    """The same for the judge."""
    by_count = settings.belt == "encoder"
    return Rules(
        mode=settings.mode,
        belt=settings.belt,
        travel=float(settings.travel_counts if by_count else settings.travel_ms),
        gap=float(settings.min_gap_counts if by_count else settings.min_gap_ms),
        window_s=settings.window_ms / 1000,
        margin_s=settings.margin_ms / 1000,
        lead_s=settings.lead_ms / 1000,
        pulse_ms=settings.pulse_ms,
        on_unsure=settings.on_unsure,
        on_fault=settings.on_fault,
        max_parts=settings.max_parts,
        silence_s=settings.encoder_silence_ms / 1000,
        max_rate=settings.encoder_max_rate,
        confirm_s=settings.confirm_ms / 1000,
    )


class Sequence:
    """One of them, by its number; ``run`` compares what the gate sends with what the judge says."""

    def __init__(self, number: int) -> None:
        self.chance = random.Random(number)
        self.begun = self.chance.uniform(1000, 2000)
        self.clock = Clock(self.begun)
        self.settings = settings_of(self.chance)
        self.outcome = Outcome()
        self.judge = Judge(rules_of(self.settings), self.begun)
        self.attempts: list[tuple[GateCommand, bool]] = []
        self.sweeps: list[tuple[float, float]] = []
        self.tracked: dict[str, tuple[TrackedPart, Part]] = {}
        self.missing: list[str] = []
        self.is_away = False
        self.has_ended = False
        self.offset = 0  # of the encoder
        self.is_silent = False
        self.last_word = -math.inf  # of the belt
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.path = self._path()  # (time, place in ms, ms a second)
        self.controller = GateController(
            self.settings, send=self._send, on_missing=self.missing.extend, clock=self.clock
        )

    def run(self) -> Outcome:
        """Until the last part is past the ejector, or a difference is seen."""
        self._plan()
        end = self.path[-1][0] + (self.settings.travel_ms + self.settings.confirm_ms) / 1000 + 0.1
        while not self.outcome.differences:
            wake = max(self.controller.wake, self.clock.now) + self.chance.uniform(0.00001, 0.0005)
            if self.events and self.events[0][0] <= wake:
                moment, _, action = heapq.heappop(self.events)
                self.clock.now = max(self.clock.now, moment)
                action()
            elif wake > end:
                break
            else:
                self.clock.now = wake
                self._turn()
        counted = self.controller.counts
        found = {
            "unsent": counted.too_late,
            "unconfirmed": counted.unconfirmed,
            "unexpected": counted.unexpected,
        }
        for what, count in found.items():
            if not self.outcome.differences and count != getattr(self.judge, what):
                self._differ(f"{count} counted as {what}, {getattr(self.judge, what)} by the rules")
        self.outcome.counts.update(found)
        return self.outcome

    # -- what is planned

    def _path(self) -> list[tuple[float, float, float]]:
        """The real way of the belt."""
        chance, now, place = self.chance, self.begun, 0.0
        length = chance.uniform(0.15, 0.6)
        if self.settings.belt == "steady":
            return [(now, 0.0, 1000.0), (now + length, length * 1000, 1000.0)]
        path = []
        speed = 1000.0
        while now < self.begun + length:
            if self.settings.belt == "message":
                seconds = chance.uniform(0.005, 0.25)
                follows = [[1000.0, 0.0], [1000.0, 1000.0, -1000.0], [0.0, 0.0, -1000.0]][
                    int(speed / 1000) + 1
                ]
            else:
                seconds = chance.uniform(0.01, 0.12)
                follows = [1000.0, 1000.0, speed, 0.0, 700.0, 1300.0, -400.0]
            path.append((now, place, speed))
            now, place = now + seconds, place + speed * seconds
            speed = chance.choice(follows)
        return [*path, (now, place, 1000.0)]

    def _plan(self) -> None:
        chance = self.chance
        for _ in range(chance.randint(1, 3)):
            self._plan_trouble()
        begins = self.begun if chance.random() < 0.3 else self.begun - LONG_AGO_S
        if chance.random() < 0.9:
            self._at(
                self.begun,
                lambda: self._tell(
                    lambda: self.controller.watch(begins), lambda _: self.judge.watches(begins)
                ),
            )
        if self.settings.belt == "message":
            for time, _, speed in self.path:
                self._at(time + chance.uniform(0, 0.001), partial(self._move, time, speed))
        if self.settings.belt == "encoder":
            samples = int((self.path[-1][0] - self.begun + self.settings.travel_ms / 1000) / SAMPLE_S)
            for sample in range(samples + 10):
                self._at(self.begun + sample * SAMPLE_S + chance.uniform(0, 0.002), self._count)
        place = chance.uniform(-50, 50)
        highest = max(place for _, place, _ in self.path)
        gap = self.settings.min_gap_ms
        for number in range(chance.randint(1, 7)):
            for again, moment in enumerate(self._crossings(place)):
                self._plan_part(f"{number}.{again}", moment)
            place += chance.uniform(0.05, gap) if chance.random() < 0.25 else gap + chance.expovariate(1 / 40)
            if place > highest:
                break

    def _crossings(self, place: float) -> list[float]:
        """When something at this place of the belt is at the camera."""
        moments = []
        for (begin, low, speed), (end, high, _) in itertools.pairwise(self.path):
            if speed and min(low, high) < place <= max(low, high):
                moments.append(min(end, begin + (place - low) / speed))
        return moments

    def _plan_part(self, name: str, moment: float) -> None:
        chance = self.chance
        seen, told = moment + chance.uniform(-0.001, 0.001), moment + chance.uniform(0.0011, 0.004)
        has_count = chance.random() < (0.3 if self.settings.belt == "encoder" else 0.03)
        self._at(told, lambda: self._see(name, seen, has_count=has_count))
        dice = chance.random()
        if dice < 0.06:
            return
        if self.settings.confirm_ms and chance.random() < 0.6:
            falls_s = (self.settings.travel_ms + chance.uniform(-5, 1.2 * self.settings.confirm_ms)) / 1000
            self._at(moment + falls_s, self._report)
        verdict = chance.choices(VERDICTS, [60, 20, 10, 10])[0]
        late = chance.uniform(0.0005, 0.01) if dice < 0.8 else chance.uniform(0.03, 0.4)
        self._at(told + late, lambda: self._decide(name, verdict))
        if chance.random() < 0.03:
            self._at(told + late + 0.005, lambda: self._decide(name, chance.choice(VERDICTS)))

    def _plan_trouble(self) -> None:
        chance = self.chance
        begin = chance.uniform(self.begun, self.path[-1][0])
        end = begin + chance.choice([0.003, 0.02, 0.1, 0.3]) * chance.uniform(0.5, 1.5)
        kind = chance.choice(
            ["none", "link", "unseen", "held", "held", "change", "lost", "undelivered", "end"]
        )
        if kind == "link":
            self._at(begin, lambda: setattr(self, "is_away", True))
            self._at(end, lambda: setattr(self, "is_away", False))
        elif kind == "unseen":
            self._at(begin, lambda: self._look(away=True))
            self._at(end, lambda: self._look(away=False))
        elif kind == "held":
            self._at(begin, lambda: self.clock.hold(before_look=chance.randint(1, 6), seconds=end - begin))
        elif kind == "change":
            self._at(begin, self._change)
        elif kind == "lost" and self.settings.belt == "message":
            self._at(
                begin, lambda: self._tell(lambda: self.controller.lose("away"), lambda _: self.judge.loses())
            )
            self._at(end, lambda: self._move(self.clock.now, self.judge.timed.turns[-1][1]))
        elif kind == "lost" and self.settings.belt == "encoder":
            if chance.random() < 0.5:
                self._at(begin, lambda: setattr(self, "offset", self.offset + 10**6))
            else:
                self._at(begin, lambda: setattr(self, "is_silent", True))
                self._at(end, lambda: setattr(self, "is_silent", False))
        elif kind == "undelivered":
            self._at(end, self._undelivered)
        elif kind == "end":
            self._at(end, self._end)
        self.outcome.counts[kind] += 1

    def _at(self, moment: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.events, (moment, next(self.order), action))

    # -- what happens

    def _see(self, name: str, seen: float, *, has_count: bool) -> None:
        if self.has_ended:
            return
        count = round(self._really_at(seen) * COUNTS_PER_MS) + self.offset if has_count else None
        self.outcome.counts["parts"] += 1
        tracked: list[TrackedPart] = []
        part: list[Part] = []
        self._tell(
            lambda: tracked.append(self.controller.expect(name, seen, count=count)),
            lambda _: part.append(self.judge.sees(name, seen, count)),
        )
        self.tracked[name] = tracked[0], part[0]

    def _decide(self, name: str, verdict: Verdict) -> None:
        if name not in self.tracked:
            return  # refused after the end
        tracked, part = self.tracked[name]
        is_fault: list[bool] = []
        by_the_rules: list[bool] = []
        self._tell(
            lambda: is_fault.append(self.controller.decide(tracked, verdict) is not None),
            lambda now: by_the_rules.append(self.judge.decides(part, verdict.value, now)),
        )
        if is_fault != by_the_rules:
            self._differ(f"{name} is a fault: {is_fault[0]} by the gate, {by_the_rules[0]} by the rules")

    def _move(self, at: float, speed: float) -> None:
        self.last_word = at = max(at, self.last_word)  # messages come in order
        direction: Any = {1000.0: "forward", 0.0: "stopped", -1000.0: "reverse"}[speed]
        self._tell(
            lambda: self.controller.move(direction, at),
            lambda now: self.judge.turns(speed, at, now),
        )

    def _count(self) -> None:
        if self.is_silent:
            return
        at = self.clock.now
        count = round(self._really_at(at) * COUNTS_PER_MS) + self.offset
        self._tell(lambda: self.controller.count(count, at), lambda now: self.judge.counts(count, at, now))

    def _look(self, *, away: bool) -> None:
        at = self.clock.now - self.chance.uniform(0, 0.005)
        if away:
            self._tell(lambda: self.controller.unwatch(at), lambda _: self.judge.looks_away(at))
        else:
            self._tell(lambda: self.controller.watch(at), lambda _: self.judge.watches(at))

    def _change(self) -> None:
        times = _times(self.chance, self.settings.belt)
        self.settings = GateSettings.model_validate({**self.settings.model_dump(), **times})
        self._tell(
            lambda: self.controller.change(self.settings),
            lambda now: self.judge.changes(rules_of(self.settings), now),
        )

    def _undelivered(self) -> None:
        """The broker says of a command that was sent that it could not go on."""
        sent = [command for command, is_sent in self.attempts if is_sent and command.part is not None]
        if sent:
            command = self.chance.choice(sent)
            assert command.part is not None
            self.controller.undelivered(command)
            self.judge.did_not_leave(command.part, command.due)

    def _report(self) -> None:
        """The sensor at the bin."""
        self.outcome.counts["reported"] += 1
        self._tell(self.controller.confirm, self.judge.finds_in_bin)

    def _end(self) -> None:
        self.has_ended = True
        self._tell(self.controller.end, lambda _: self.judge.ends())

    def _really_at(self, at: float) -> float:
        """Where the belt really is, in milliseconds."""
        time, place, speed = next((step for step in reversed(self.path) if step[0] <= at), self.path[0])
        return place + (at - time) * speed

    def _send(self, command: GateCommand) -> bool:
        self.attempts.append((command, not self.is_away))
        return not self.is_away

    # -- gate and judge beside each other

    def _turn(self) -> None:
        self.missing.clear()
        self._both(self.controller.turn, self.judge.listens, looks_to_tell=0)
        by_the_rules = self.judge.misses(self.clock.looks[0])
        if self.missing != by_the_rules:
            self._differ(f"missing in the bin: {self.missing} by the gate, {by_the_rules} by the rules")

    def _tell(self, gate: Callable[[], object], judge: Callable[[float], object]) -> None:
        self._both(gate, judge, looks_to_tell=1)

    def _both(
        self, gate: Callable[[], object], judge: Callable[[float], object], *, looks_to_tell: int
    ) -> None:
        """Tell both, and compare what they say to that.

        The gate looks at the clock when it is told something, when it decides, and before each sending; at
        the same moments the judge is asked.
        """
        self.clock.looks.clear()
        first = len(self.attempts)
        gate()
        looks = self.clock.looks
        judge(looks[0])
        now, sendings = looks[looks_to_tell], looks[looks_to_tell + 1 :]
        says = self.judge.asks(now)
        attempts = self.attempts[first:]
        sweeps = len(sendings) - len(says)
        if sweeps not in (0, 1):
            self._differ(f"{len(sendings)} commands by the gate; by the rules {says}")
            return
        self._compare(says, sendings[sweeps:], [pair for pair in attempts if pair[0].part is not None])
        self._compare_sweeps(now, sendings[:sweeps], [pair for pair in attempts if pair[0].part is None])

    def _compare(
        self, says: list[Say], sendings: list[float], attempts: list[tuple[GateCommand, bool]]
    ) -> None:
        """The commands for parts: the same ones, to the last field."""
        left = {command.part: (command, is_sent) for command, is_sent in attempts}
        for say, sending in zip(says, sendings, strict=True):
            command, is_sent = left.pop(say.part, (None, False))
            if not self.judge.may_leave(say, sending):
                self.outcome.counts["held back"] += 1
                if command is not None:
                    self._differ(f"sent at {sending}, when it must not be any more: {command}")
            elif command is None:
                self._differ(f"not sent: {say}")
            elif not self._is_wanted(command, say):
                self._differ(f"{command}, by the rules {say}")
            if is_sent:
                self.outcome.counts[say.action] += 1
            else:
                self.judge.did_not_leave(say.part, say.due if command is None else command.due)
        if left:
            self._differ(f"sent, though by the rules nothing is to be said of it: {left}")

    def _is_wanted(self, command: GateCommand, say: Say) -> bool:
        """Every field of it follows from the rules."""
        rules = self.judge.rules
        (place,) = (part.place for part in self.judge.parts if part.name == say.part)
        count = round(place) if rules.belt == "encoder" else None
        times = abs(command.due - say.due), abs(command.valid_until - say.due - rules.window_s)
        fields = command.action, command.pulse_ms, command.reason is not None, command.due_count
        return max(times) < _SAME_S and fields == (say.action, rules.pulse_ms, say.is_fault, count)

    def _compare_sweeps(
        self, now: float, sendings: list[float], attempts: list[tuple[GateCommand, bool]]
    ) -> None:
        """Commands without a part: enough of them, and none that hits a good part."""
        must = self.judge.must_sweep(now)
        for command, is_sent in attempts:
            begin, end = command.due, command.due + command.pulse_ms / 1000
            self.sweeps.append((begin, end))
            if is_sent:
                self.judge.is_in_force(end)
            self.outcome.counts["sweep"] += 1
            hit = self.judge.is_needless(begin, end, now)
            if hit is not None:
                self._differ(f"{command} hits {hit}")
            if begin - now > self.judge.rules.margin_s + _SAME_S or end - begin > 0.5 + _SAME_S:
                self._differ(f"{command} at {now}: too early, or too long")
        is_held = bool(sendings) and not attempts  # it had passed by the time of sending: it comes again
        late_s = _ROUNDED_S + (0 if self.settings.belt == "steady" else self.judge.rules.window_s / 2)
        if (
            must
            and not is_held
            and not any(b - late_s <= now <= e + _ROUNDED_S for b, e in self.sweeps[-20:])
        ):
            self._differ(f"{now}: what nobody saw is at the ejector, and nothing is said of it")

    def _differ(self, what: str) -> None:
        self.outcome.differences.append(what)
