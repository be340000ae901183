"""Who may change something on the page: people with a password, sessions in a signed cookie, tokens of forms.

Passwords are kept as scrypt hashes (RFC 7914) in the setting `page.users`. A session ends after twelve hours,
when its person leaves, and with the page's process, whose key signs it.
"""

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.errors import SettingsError

ROLES = ("look", "review", "operate")
"""Each may do what those before it may."""
SESSION_S = 12 * 3600.0
ATTEMPTS, AGAIN_S = 5, 30.0
"""So many wrong passwords for one name, or for all together four times as many, in so long a time."""
LONGEST_NAME, LONGEST_PASSWORD, SHORTEST_PASSWORD = 32, 200, 8
_COST, _BLOCK, _PARALLEL, _MEMORY = 2**14, 8, 1, 64 * 2**20
_KEPT = 1000
_EXPECTED = "expected NAME:ROLE:HASH, as `edge page --add-user NAME` prints it"


@dataclass(frozen=True)
class User:
    """A person that may log in."""

    name: str
    role: str
    hash: str


@dataclass(frozen=True)
class Session:
    """A person who is logged in; ``token`` stands in each of their forms."""

    name: str
    role: str
    token: str

    def may(self, role: str) -> bool:
        """True if what needs this role is allowed."""
        return ROLES.index(self.role) >= ROLES.index(role)


def user_line(name: str, role: str, password: str) -> str:
    """The text of `page.users` for a person; raises SettingsError for what can't be one."""
    if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME or set(name) & set(":, ;|"):
        raise SettingsError(
            f"user: expected a name of 1 to {LONGEST_NAME} characters without blanks and : , ;"
        )
    if role not in ROLES:
        raise SettingsError(f"role: {role}: expected {', '.join(ROLES)}")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise SettingsError(f"password: expected {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    salt = secrets.token_bytes(16)
    parts = (salt, _derive(password, salt))
    return f"{name}:{role}:{'.'.join(base64.urlsafe_b64encode(part).decode() for part in parts)}"


def read_users(text: str) -> dict[str, User]:
    """The people of `page.users`, one a line or between commas; raises SettingsError."""
    found: dict[str, User] = {}
    for entry in text.replace(",", "\n").split():
        name, _, rest = entry.partition(":")
        role, _, coded = rest.partition(":")
        if role not in ROLES or _decoded(coded) is None:
            raise SettingsError(f"page.users: {name[:LONGEST_NAME]}: {_EXPECTED}")
        if name in found:
            raise SettingsError(f"page.users: {name}: is there twice; expected each name once")
        found[name] = User(name, role, coded)
    return found


class Login:
    """Sessions of these people; for any thread. ``clock`` gives monotonic seconds."""

    def __init__(self, users: dict[str, User], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._users = users
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._wrong: list[tuple[float, str]] = []
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._nobody = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode() + "."

    @property
    def is_possible(self) -> bool:
        """True if there is anybody who may."""
        return bool(self._users)

    def enter(self, name: str, password: str) -> str | None:
        """The cookie of a new session; None for a wrong name or password, or after too many of them."""
        with self._lock:
            now = self._clock()
            self._wrong = [(at, who) for at, who in self._wrong if at > now - AGAIN_S]
            theirs = sum(who == name for _, who in self._wrong)
            if theirs >= ATTEMPTS or len(self._wrong) >= 4 * ATTEMPTS:
                return None
            self._wrong.append((now, name))  # until it proves right: attempts at once count as well
            attempt = self._wrong[-1]
        user = self._users.get(name)
        # Somebody who is not there takes as long as somebody who is.
        is_right = (
            _matches(password[:LONGEST_PASSWORD], user.hash if user else self._nobody) and user is not None
        )
        if not is_right:
            return None
        with self._lock:
            self._wrong = [one for one in self._wrong if one is not attempt]
        said = f"{name}|{self._clock() + SESSION_S:.0f}|{secrets.token_urlsafe(16)}"
        coded = base64.urlsafe_b64encode(said.encode()).decode()
        return f"{coded}.{self._sign('session', coded)}"

    def session(self, cookie: str | None) -> Session | None:
        """The session of a cookie, if there is one."""
        coded, _, signature = (cookie or "").rpartition(".")
        if not coded or not hmac.compare_digest(signature.encode(), self._sign("session", coded).encode()):
            return None
        name, end, nonce = base64.urlsafe_b64decode(coded).decode().rsplit("|", 2)
        user = self._users.get(name)
        if user is None or self._clock() > float(end) or nonce in self._ended:
            return None
        return Session(name, user.role, self._sign("form", nonce))

    def leave(self, cookie: str | None) -> None:
        """End the session of a cookie."""
        if self.session(cookie) is None or cookie is None:
            return
        nonce = base64.urlsafe_b64decode(cookie.rpartition(".")[0]).decode().rsplit("|", 2)[2]
        with self._lock:
            self._ended[nonce] = None
            while len(self._ended) > _KEPT:
                self._ended.popitem(last=False)

    def _sign(self, use: str, text: str) -> str:
        return hmac.new(self._key, f"{use} {text}".encode(), hashlib.sha256).hexdigest()


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, maxmem=_MEMORY, dklen=32
    )


def _matches(password: str, coded: str) -> bool:
    salt, expected = _decoded(coded) or (b"-", b"")
    return hmac.compare_digest(_derive(password, salt), expected)


def _decoded(coded: str) -> tuple[bytes, bytes] | None:
    """Salt and hash."""
    salt, _, derived = coded.partition(".")
    try:
        found = base64.urlsafe_b64decode(salt), base64.urlsafe_b64decode(derived)
    except ValueError:
        return None
    return found if len(found[0]) == 16 and len(found[1]) == 32 else None
