"""The rules of docs/reference/gate-rules.md, written from their words.

All is worked out from the list of all parts. Nothing of `edge` is used here. A rule's number stands where it
is kept. Times are monotonic seconds; places are milliseconds of running, or counts.
"""

import math
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Rules:
    """The settings of a gate that the rules speak of; ``travel`` and ``gap`` are in places."""

    mode: str
    belt: str
    travel: float
    gap: float
    window_s: float
    margin_s: float
    lead_s: float
    pulse_ms: float
    on_unsure: str
    on_fault: str
    max_parts: int
    silence_s: float = math.inf
    max_rate: float = math.inf
    confirm_s: float = 0.0

    @property
    def says(self) -> str:
        """The one thing that this mode says (rule 2)."""
        return "reject" if self.mode == "reject-on-defect" else "pass"

    def action(self, verdict: str) -> str:
        """The action for a verdict (rule 2)."""
        return {"ok": "pass", "defect": "reject", "unsure": self.on_unsure, "fault": self.on_fault}[verdict]


class Belt(Protocol):
    """Where the belt is."""

    def place(self, at: float) -> float:
        """Its place at a moment."""

    def arrival(self, place: float, now: float) -> float | None:
        """When it is at a place if it goes on as now; None while it stands or goes back."""


class TimedBelt:
    """One speed, by what it was told: ``turns`` are (time, places a second)."""

    def __init__(self, at: float, speed: float) -> None:
        self.turns = [(at, speed)]

    def turn(self, at: float, speed: float) -> None:
        """It goes so from then on; never from before the last time."""
        self.turns.append((max(at, self.turns[-1][0]), speed))

    def place(self, at: float) -> float:
        first, speed = self.turns[0]
        if at < first:
            return (at - first) * speed
        ends = [time for time, _ in self.turns[1:]] + [math.inf]
        return sum(
            (min(at, end) - begin) * speed
            for (begin, speed), end in zip(self.turns, ends, strict=True)
            if at > begin
        )

    def arrival(self, place: float, now: float) -> float | None:
        since, speed = self.turns[-1]
        return since + (place - self.place(since)) / speed if speed > 0 else None


class CountedBelt:
    """An encoder: ``counts`` are (time, count) since it was last set back."""

    def __init__(self, silence_s: float, max_rate: float) -> None:
        self.silence_s = silence_s
        self.max_rate = max_rate
        self.counts: list[tuple[float, int]] = []
        self.speed = 0.0

    def count(self, count: int, at: float) -> bool:
        """False where the belt can't have come there."""
        possible = True
        if self.counts:
            last, before = self.counts[-1]
            at = max(at, last)
            possible = (
                abs(count - before) <= self.max_rate * (at - last + 0.05) and at - last <= self.silence_s
            )
        if not possible:
            self.counts = []
        self.counts.append((at, count))
        self.speed = self._speed()
        return possible

    def is_silent(self, now: float) -> bool:
        """True if its speed is not known, or not any more."""
        return len(self.counts) < 2 or now - self.counts[-1][0] > self.silence_s

    def _moved_in(self, seconds: float) -> tuple[float, int]:
        """Time and counts up to the last message, from the one that was newest so long before it."""
        last, count = self.counts[-1]
        older = [entry for entry in self.counts if entry[0] <= last - seconds]
        then, before = older[-1] if older else self.counts[0]
        return last - then, count - before

    def _speed(self) -> float:
        """Counts a second: of the last 50 ms; none where 25 ms brought no count."""
        took, moved = self._moved_in(0.05)
        waited, moved_lately = self._moved_in(0.025)
        if took <= 0 or (waited >= 0.025 and moved_lately == 0):
            return 0.0
        return moved / took

    def place(self, at: float) -> float:
        if not self.counts:
            return 0.0
        if at < self.counts[0][0]:
            return float(self.counts[0][1])
        last, count = self.counts[-1]
        if at >= last:
            return count + self.speed * min(at - last, self.silence_s)
        for (begin, low), (end, high) in zip(self.counts, self.counts[1:], strict=False):
            if begin <= at < end:
                return low + (high - low) * (at - begin) / (end - begin)
        raise AssertionError("the counts have a hole")

    def arrival(self, place: float, now: float) -> float | None:
        if self.is_silent(now) or self.speed <= 0:
            return None
        last, count = self.counts[-1]
        return last + (place - count) / self.speed


@dataclass(eq=False)
class Part:
    """A part that was told. ``on_its_way``: a command may still be due for it."""

    name: str
    place: float  # of the belt when the part is at the ejector
    told: int
    gets: str | None = None
    fault: bool = False
    on_its_way: bool = True
    without_room: bool = False
    said: float | None = None  # the arrival that its latest command named
    in_bin: bool = False


@dataclass(frozen=True)
class Say:
    """A command for a part that is to leave now."""

    part: str
    action: str
    due: float
    is_fault: bool


@dataclass
class Unseen:
    """Belt that nobody saw, by its places at the ejector; to be continued while ``end`` is None."""

    start: float
    end: float | None
    told: int


class Judge:
    """The gate's duties, said by somebody who only has the words."""

    def __init__(self, rules: Rules, now: float) -> None:
        self.rules = rules
        self.timed = TimedBelt(now, 1000.0 if rules.belt == "steady" else 0.0)
        self.counted_belt = CountedBelt(rules.silence_s, rules.max_rate)
        self.belt: Belt = self.counted_belt if rules.belt == "encoder" else self.timed
        self.parts: list[Part] = []
        self.unseen = [Unseen(-math.inf, None, 0)]
        self.watched = False
        self.lost = rules.belt != "steady"
        self.known_since = -math.inf
        self.old_until = -math.inf
        self.furthest = -math.inf  # what was at the ejector when the gate was asked
        self.unsent = 0
        self.told = 0
        self.awaited: list[tuple[Part, float]] = []  # in the bin, until when; the first forgotten first
        self.unseen_until = -math.inf  # the latest command without a part
        self.unconfirmed = 0
        self.unexpected = 0

    # -- what happens

    def sees(self, name: str, at: float, count: int | None) -> Part:
        """A part is told that was seen ``at``."""
        self.told += 1
        by_count = count is not None and self.rules.belt == "encoder"
        here = float(count) if count is not None and by_count else self.belt.place(at)  # rule 1
        part = Part(name, here + self.rules.travel, self.told)
        if self.lost:  # rule 7
            self._make_fault(part)
            part.on_its_way = False
            self.parts.append(part)
            return part
        if part.place < self.old_until or at < self.known_since or (count is not None and not by_count):
            self._make_fault(part)  # rules 8, 7 and 1
        for other in self.parts:  # rule 5
            if (other.on_its_way or other.without_room) and abs(other.place - part.place) < self.rules.gap:
                self._make_fault(part)
                self._make_fault(other)
        if sum(other.on_its_way for other in self.parts) >= self.rules.max_parts:  # rule 6
            self._make_fault(part)
            part.on_its_way = False
            part.without_room = True
            half = self.rules.gap / 2
            self._did_not_see(part.place - half, part.place + half)
        self.parts.append(part)
        return part

    def decides(self, part: Part, verdict: str, now: float) -> bool:
        """A verdict comes; whether its part is a fault for another reason."""
        if not part.fault and part.gets is None:
            arrival = self.belt.arrival(part.place, now)
            is_past = part.place < self.belt.place(now)
            if is_past or (arrival is not None and now > arrival - self.rules.margin_s):  # rule 4
                self._make_fault(part)
            else:
                part.gets = self.rules.action(verdict)  # rules 2 and 3
        return part.fault

    def turns(self, speed: float, at: float, now: float) -> None:
        """The belt says how it goes, in places a second."""
        self.timed.turn(at, speed)
        if self.lost:
            self._finds(now)

    def counts(self, count: int, at: float, now: float) -> None:
        """The encoder says where it stands."""
        if not self.counted_belt.count(count, at):
            self.loses()
        if self.lost and not self.counted_belt.is_silent(now):
            self._finds(now)

    def listens(self, now: float) -> None:
        """Rule 7: an encoder that is silent is noticed."""
        if self.rules.belt == "encoder" and not self.lost and self.counted_belt.is_silent(now):
            self.loses()

    def loses(self) -> None:
        """Rule 7: nobody knows where the belt is."""
        self._drops_all()
        self.lost = True

    def watches(self, at: float) -> None:
        """Somebody looks again."""
        self.watched = True
        if self.unseen and self.unseen[-1].end is None:
            here = max(self.belt.place(at) + self.rules.travel, self.old_until)
            for unseen in self.unseen:  # what lies before the camera again comes by again
                unseen.end = here if unseen.end is None else min(unseen.end, here)

    def looks_away(self, at: float) -> None:
        """Nobody looks."""
        self.watched = False
        self._did_not_see(self.belt.place(at) + self.rules.travel, None)

    def changes(self, rules: Rules, now: float) -> None:
        """Rule 8: another gate."""
        longer = max(self.rules.travel, rules.travel)
        self._drops_all()
        self.rules = rules
        if not self.lost:
            self._finds(now)
            self.old_until = max(self.old_until, self.belt.place(now) + longer)
            if self.unseen[0].end is not None:
                self.unseen[0].end = self.old_until

    def did_not_leave(self, name: str, due: float) -> None:
        """Rules 10 and 11: a command was not sent, or not delivered."""
        (part,) = (part for part in self.parts if part.name == name)
        if not part.on_its_way:
            self.unsent += 1
        elif part.said == due:
            part.said = None

    def is_in_force(self, until: float) -> None:
        """Rule 13: a command without a part was sent."""
        self.unseen_until = max(self.unseen_until, until)

    def ends(self) -> None:
        """Rule 14."""
        for part in self.parts:
            if part.on_its_way and part.gets is None:
                self._make_fault(part)

    def finds_in_bin(self, now: float) -> None:
        """Rule 13: something is reported in the bin."""
        by_place = sorted((part for part in self.parts if part.on_its_way), key=lambda part: part.place)
        arrived = [part for part in by_place if self._goes_to_bin(part, now)]
        candidates = [part for part in [part for part, _ in self.awaited] + arrived if not part.in_bin]
        if candidates:
            candidates[0].in_bin = True
        elif now >= self.unseen_until + self.rules.confirm_s:
            self.unexpected += 1

    def misses(self, now: float) -> list[str]:
        """Rule 13: parts that should have been in the bin by now, each once; asked after ``asks``."""
        over = [part for part, until in self.awaited if until < now]
        self.awaited = [(part, until) for part, until in self.awaited if until >= now]
        missing = [part.name for part in over if not part.in_bin]
        self.unconfirmed += len(missing)
        return missing

    # -- what follows

    def asks(self, now: float) -> list[Say]:
        """Commands that must leave now."""
        self._forgets(now)
        says = []
        for part in sorted(self.parts, key=lambda part: part.place):
            arrival = self.belt.arrival(part.place, now)
            if not part.on_its_way or arrival is None:
                continue
            if part.gets is None and now >= arrival - self.rules.margin_s:  # rule 4
                self._make_fault(part)
            if part.gets != self.rules.says or not self._leaves_now(part, arrival, now):
                continue
            if part.said is None or (self._may_stop and self._differs(part.said, arrival)):  # rule 10
                part.said = arrival
                says.append(Say(part.name, part.gets, arrival, part.fault))
        return says

    def may_leave(self, say: Say, now: float) -> bool:
        """Rule 11: looked at again at sending."""
        (part,) = (part for part in self.parts if part.name == say.part)
        arrival = self.belt.arrival(part.place, now)
        if not part.on_its_way or part.gets != say.action or arrival is None:
            return False
        return now <= min(say.due, arrival) and not self._differs(say.due, arrival)

    def must_sweep(self, now: float) -> bool:
        """Rule 12: whether a command without a part must be in force now; asked after ``asks``."""
        if not self._sweeps:
            return False
        if self.lost:
            return True
        here = self.belt.place(now)
        is_new = here > self.furthest + 1e-6  # what went back was dealt with when it was here
        self.furthest = max(self.furthest, here)
        goes = self.belt.arrival(here, now) is not None
        return goes and is_new and any(self._lies_in(here, unseen, -1e-6) for unseen in self.unseen)

    def is_needless(self, begin: float, end: float, now: float) -> str | None:
        """Rule 12: a good part that a command without a part would hit though it was seen, or None."""
        if not self._sweeps:
            return "nothing"
        if self.lost:
            return None
        for part in self.parts:
            arrival = self.belt.arrival(part.place, now)
            if not part.on_its_way or part.gets != "pass" or arrival is None:
                continue
            if not begin + 1e-6 < arrival < end - 1e-6:
                continue
            later = [
                unseen for unseen in self.unseen if unseen.start > part.place and unseen.told < part.told
            ]
            if later or any(self._lies_in(part.place, unseen, 1e-6) for unseen in self.unseen):
                continue
            return part.name
        return None

    # -- rules by themselves

    @property
    def _may_stop(self) -> bool:
        return self.rules.belt != "steady"

    @property
    def _sweeps(self) -> bool:
        return self.rules.says == "reject" and self.rules.on_fault == "reject"

    def _leaves_now(self, part: Part, arrival: float, now: float) -> bool:
        """Rule 9."""
        if now > arrival or (self._may_stop and now < arrival - self.rules.lead_s):
            return False
        if part.gets == "reject":
            return True
        alone = self.belt.arrival(part.place - self.rules.travel + self.rules.gap, now)
        return alone is not None and now >= alone + self.rules.margin_s

    def _differs(self, said: float, arrival: float) -> bool:
        return abs(arrival - said) > self.rules.window_s / 2

    def _forgets(self, now: float) -> None:
        """Rules 5, 6 and 11."""
        here, gap = self.belt.place(now), self.rules.gap
        group: list[Part] = []  # places without room whose gaps overlap
        for part in sorted((part for part in self.parts if part.without_room), key=lambda part: part.place):
            if group and part.place - gap >= group[-1].place + gap:
                group = []
            group.append(part)
            for member in group:
                member.without_room = part.place + gap >= here
        for part in sorted(self.parts, key=lambda part: part.place):
            arrival = self.belt.arrival(part.place, now)
            if part.on_its_way and arrival is not None and now > arrival + self.rules.window_s:
                if self.rules.confirm_s and self._goes_to_bin(part, now):
                    self.awaited.append((part, arrival + self.rules.confirm_s))
                part.on_its_way = False
                if part.gets is None:
                    self._make_fault(part)
                self.unsent += part.gets == self.rules.says and part.said is None

    def _goes_to_bin(self, part: Part, now: float) -> bool:
        """Rule 13: whether it is past the ejector, and by what was said of it not passed."""
        arrival = self.belt.arrival(part.place, now)
        if arrival is None or now < arrival:
            return False
        if self.rules.says == "reject":
            return (part.gets or self.rules.on_fault) == "reject"
        return part.said is None or self._differs(part.said, arrival)

    def _make_fault(self, part: Part) -> None:
        """Rule 3: for good."""
        if not part.fault:
            part.fault = True
            part.gets = self.rules.on_fault

    def _drops_all(self) -> None:
        for part in self.parts:
            if part.on_its_way:
                self._make_fault(part)
            part.on_its_way = part.without_room = False

    def _finds(self, now: float) -> None:
        self.lost = False
        self.known_since = now
        self.furthest = -math.inf
        end = self.belt.place(now) + self.rules.travel if self.watched else None
        self.unseen = [Unseen(-math.inf, end, self.told)]

    def _did_not_see(self, start: float, end: float | None) -> None:
        if not self.unseen or self.unseen[-1].end is not None:
            self.unseen.append(Unseen(start, end, self.told))

    def _lies_in(self, place: float, unseen: Unseen, slack: float) -> bool:
        """True if a place is within a stretch that nobody saw; ``slack`` widens it."""
        end = unseen.end
        if end is None:
            end = math.inf
        return unseen.start - slack <= place <= end + slack
