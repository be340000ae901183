"""Every setting of the daemon as one typed model, a class for each table of config.toml."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    SettingsConfigDict,
)

from edge.core.allowed import FOURCC, NAME, SHIFTS, in_words
from edge.core.bundle.signature import PublicKey
from edge.core.preprocess import Region

ENVIRONMENT_PREFIX = "EDGE_"
Port = Annotated[int, Field(ge=1, le=65535)]
Action = Literal["reject", "pass"]
RecipeName = Annotated[str, Field(pattern=NAME)]
DEFAULT_RECIPE = "default"  # [recipe], with the bundle of [model]
RECIPES = "recipes"  # the one table of settings that holds tables; only a file sets it


class Section(BaseModel):
    """A table of config.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StationSettings(Section):
    """One camera, one belt, one gate."""

    name: str = Field(
        "station-1",
        pattern=NAME,
        description="stands in every topic: inspection/{name}/…; letters, digits, - and _",
    )
    latch_faults: bool = Field(
        default=False, description="true: a fault that is over stays, and rejects, until a reset command"
    )


class CameraSettings(Section):
    """Where frames come from."""

    source: str = Field(
        "simulated",
        min_length=1,
        description='"simulated", a camera index ("0"), a device path, a URL, "snapshot: " and that of a '
        'single picture, "gstreamer: " and a pipeline, a video file or a folder; a URL with a password is '
        "better given as EDGE_CAMERA__SOURCE",
    )
    width: int | None = Field(None, ge=1, le=16384, description="pixels; none takes the camera's own")
    height: int | None = Field(None, ge=1, le=16384, description="pixels; none takes the camera's own")
    fps: float | None = Field(
        None,
        gt=0,
        le=10000,
        description="frames a second asked of the camera; how often the address of a picture is fetched (5)",
    )
    fourcc: str = Field("", pattern=FOURCC, description='pixel format asked of the camera, such as "MJPG"')
    exposure: float | None = Field(
        None, ge=0, description="in the camera's unit (V4L2: 0.1 ms); none leaves it automatic"
    )
    gain: float | None = Field(None, ge=0, description="in the camera's unit; none leaves it alone")
    white_balance: float | None = Field(None, ge=0, description="kelvin; none leaves it automatic")
    focus: float | None = Field(None, ge=0, description="in the camera's unit; none leaves it automatic")
    rate: float = Field(
        5.0, gt=0, le=1000, description="frames a second of simulated parts, folders and video files"
    )
    count: int = Field(
        0, ge=0, description="end after so many frames of simulated parts or a folder; 0 never ends"
    )
    seed: int = Field(0, ge=0, description="which simulated parts are drawn")
    size: int = Field(240, ge=64, le=2048, description="pixels a side of a simulated frame")
    defect_rate: float = Field(0.2, ge=0, le=1, description="share of defective simulated parts")
    open_timeout_ms: int = Field(5000, ge=100, le=120000, description="longest wait for a network camera")
    settle_ms: int = Field(
        500, ge=0, le=60000, description="frames so soon after opening are not used: exposure, old buffers"
    )
    steady: bool = Field(
        default=True,
        description="an HTTP stream or pipeline comes at a steady rate: frames out of a buffer can be told",
    )
    stall_ms: int = Field(2000, ge=50, le=60000, description="without a frame for so long: camera fault")
    max_age_ms: int = Field(500, ge=1, le=60000, description="a frame older than this is not inspected")
    reopen_max_ms: int = Field(10000, ge=100, le=600000, description="longest pause between openings")
    hung_max: int = Field(
        4, ge=1, le=100, description="more reads than this that never return: the process ends, status 3"
    )
    hung_s: float = Field(
        60.0, ge=1, le=86400, description="a read hangs for so long and no picture comes: the same"
    )
    queue: int = Field(4, ge=1, le=1000, description="frames waiting for inspection; the oldest is dropped")
    black_below: int = Field(
        16, ge=0, le=255, description="fault: 99 % of a picture is darker than this; 0 is off"
    )
    washed_out_above: int = Field(
        235, ge=0, le=255, description="fault: 99 % of a picture is brighter than this; 255 is off"
    )
    blurred_below: float = Field(
        0.29, ge=0, le=1, description="fault: less of a picture's steps is sharp; 0.25 is all blur, 0 is off"
    )
    half_decoded_from: float = Field(
        0.1, ge=0, le=1, description="fault: this share of a picture, from below, repeats one row; 0 is off"
    )
    freeze_frames: int = Field(
        10, ge=0, le=100000, description="fault: a picture comes once more than this, unchanged; 0 is off"
    )


class ModelSettings(Section):
    """Which bundle decides."""

    path: str = Field("samples/demo.tflite", min_length=1, description="the bundle that `quantize` wrote")
    threads: int = Field(1, ge=1, le=64, description="processor threads of the TFLite runtime")
    trusted_keys: tuple[PublicKey, ...] = Field(
        (),
        description="public keys; a bundle that none of them signed is refused; empty: any bundle will do",
    )
    folder: str = Field(
        "bundles", min_length=1, description="where the bundles lie that the command activate may name"
    )
    watch_s: float = Field(
        2.0, ge=0, le=3600, description="look so often whether the bundle's file was replaced; 0: never"
    )
    trial_frames: int = Field(
        50, ge=0, le=100000, description="frames that a new bundle is on trial for; 0: none"
    )
    trial_faults: int = Field(
        3, ge=1, le=100000, description="so many new faults among them, and the last bundle comes back"
    )


class RecipeSettings(Section):
    """What may differ from the bundle's manifest for this product."""

    ok_below: float | None = Field(None, ge=0, le=1, description="scores under this are ok")
    defect_from: float | None = Field(None, ge=0, le=1, description="scores from this on are defects")
    region: Region | None = Field(
        None, description="part of the image to look at, in pixels: { x, y, width, height }"
    )

    @model_validator(mode="after")
    def _both_thresholds(self) -> Self:
        if (self.ok_below is None) != (self.defect_from is None):
            raise ValueError("ok_below and defect_from must be given together")
        if self.ok_below is not None and self.defect_from is not None and self.ok_below > self.defect_from:
            raise ValueError("ok_below must not be greater than defect_from")
        return self


class TriggerSettings(Section):
    """What says that a part is here."""

    kind: Literal["frame", "seen", "message", "input"] = Field(
        "frame",
        description='"frame": each frame is a part; "seen": the camera sees parts cross a line; '
        '"message": …/trigger; "input": a pin of this device',
    )
    frames: int = Field(1, ge=1, le=50, description="of a part, that vote on it")
    vote: Literal["worst", "mean"] = Field("worst", description='by the highest score, or by the "mean"')
    delay_ms: float = Field(
        0.0,
        ge=0,
        le=60000,
        description="message, input: a frame shows the part if it came so long after the trigger; the way to "
        "the camera, exposure and transport",
    )
    timeout_ms: float = Field(
        200.0, gt=0, le=60000, description="message, input: without a frame for so long after that, a fault"
    )
    region: Region | None = Field(None, description="seen: where parts cross: { x, y, width, height }")
    direction: Literal["right", "left", "down", "up"] = Field(
        "right", description='seen: how parts move in the picture; or "left", "down", "up"'
    )
    line: float = Field(
        0.75, ge=0, le=1, description="seen: where in the region, along their way, a part is wholly in view"
    )
    contrast: float = Field(25.0, gt=0, le=255, description="seen: levels by which a part differs")
    covered_from: float = Field(0.2, gt=0, le=1, description="seen: a part begins when so much is covered")
    clear_at: float = Field(0.08, ge=0, lt=1, description="seen: it ends when no more than this is")
    learn_frames: int = Field(
        25, ge=1, le=1000, description="seen: by the median of so many frames the empty belt is learned"
    )
    max_pause_ms: float = Field(
        100.0, gt=0, le=60000, description="seen: in a longer pause between frames a part may go by unseen"
    )
    longest_ms: float = Field(
        0.0,
        ge=0,
        le=600000,
        description="seen: a single part covers the line no longer; the rest of what does is several that "
        "touch, and is rejected unseen; 0: not known",
    )
    blocked_s: float = Field(30.0, gt=0, description="seen: what stays on the line for so long is a fault")
    input_chip: str = Field("/dev/gpiochip0", min_length=1, description="input: the device of the pins")
    input_line: int = Field(0, ge=0, le=1023, description="input: which of its lines")
    input_edge: Literal["rising", "falling"] = Field("rising", description='input: or "falling"')
    input_debounce_ms: float = Field(1.0, ge=0, le=1000, description="input: shorter changes are noise")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.clear_at >= self.covered_from:
            raise ValueError("trigger.clear_at must be less than trigger.covered_from")
        if self.kind == "frame" and self.frames != 1:
            raise ValueError(
                'trigger.frames: with trigger.kind = "frame" each frame is a part; 1 would be right'
            )
        return self


class GateSettings(Section):
    """What acts on a verdict."""

    mode: Literal["reject-on-defect", "reject-unless-ok"] = Field(
        "reject-on-defect",
        description='"reject-on-defect" sends rejects; "reject-unless-ok" sends passes, the rest is ejected',
    )
    belt: Literal["steady", "message", "encoder"] = Field(
        "steady",
        description='"steady" never stops while parts are on it; "message": …/belt says when it stops or '
        'goes back; "encoder": …/encoder or a pin gives its counts',
    )
    travel_ms: float = Field(500.0, ge=0, le=600000, description="time of a part from camera to ejector")
    travel_counts: int = Field(0, ge=0, description="the same in counts, with an encoder")
    min_gap_ms: float = Field(
        10.0, gt=0, le=60000, description="parts that follow closer than this are faults, both"
    )
    min_gap_counts: int = Field(0, ge=0, description="the same in counts, with an encoder")
    window_ms: float = Field(10.0, gt=0, le=60000, description="how late an ejector may still act")
    pulse_ms: float = Field(50.0, gt=0, le=60000, description="length of the ejector's pulse")
    margin_ms: float = Field(
        5.0, ge=0, le=60000, description="a command leaves at least this long before its part is there"
    )
    lead_ms: float = Field(
        10.0, gt=0, le=60000, description="where the belt may stop: how long before, at most"
    )
    on_unsure: Action = Field("reject", description='what an unsure part gets: "reject" or "pass"')
    on_fault: Action = Field(
        "reject", description='what a part without a valid result gets, seen or not; "reject" is safe'
    )
    max_parts: int = Field(
        1000, ge=1, le=100000, description="parts between camera and ejector; those beyond are rejected"
    )
    confirm_ms: float = Field(
        0.0, ge=0, le=600000, description="a rejected part must be seen on …/bin so soon; 0: no sensor there"
    )
    encoder_silence_ms: float = Field(
        100.0,
        gt=0,
        le=60000,
        description="without counts for so long nobody knows where the parts are; three or four messages",
    )
    encoder_max_rate: float = Field(
        100000.0, gt=0, description="counts a second; a larger jump means that the encoder was set back"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.belt == "encoder":
            if self.travel_counts <= self.min_gap_counts or self.min_gap_counts < 1:
                raise ValueError(
                    'gate.belt = "encoder" needs gate.min_gap_counts, and more gate.travel_counts than that'
                )
        elif self.travel_ms < self.min_gap_ms + 2 * self.margin_ms:
            # A pass waits until nothing can follow too closely, and must still leave in time.
            raise ValueError("gate.travel_ms must be at least gate.min_gap_ms + 2 * gate.margin_ms")
        if self.belt != "steady" and self.lead_ms < self.margin_ms:
            raise ValueError("gate.lead_ms must be at least gate.margin_ms")
        # A command may be under way when the belt turns: until then no other part may reach the ejector.
        needed = self.window_ms + (2 * self.lead_ms if self.belt == "message" else 0)
        if self.belt != "encoder" and self.min_gap_ms < needed:
            lead = " + 2 * gate.lead_ms" if self.belt == "message" else ""
            raise ValueError(f"gate.min_gap_ms must be at least gate.window_ms{lead}, {needed:g}")
        return self


class PinSettings(Section):
    """Lines of this device's own pins (extra gpio); docs/gate.md says how to wire them."""

    chip: str = Field("/dev/gpiochip0", min_length=1, description="the device of the pins")
    ejector: int | None = Field(
        None, ge=0, le=1023, description="line that is active during each command to the gate; none: no such"
    )
    ejector_active_low: bool = Field(default=False, description="true: active is the low level")
    encoder: int | None = Field(
        None, ge=0, le=1023, description='line whose edges are counted, with gate.belt = "encoder"'
    )
    encoder_edges: Literal["rising", "falling", "both"] = Field(
        "rising", description='which of its edges count; or "falling", "both"'
    )
    bin: int | None = Field(
        None, ge=0, le=1023, description="line of a sensor at the bin, with gate.confirm_ms"
    )
    bin_edge: Literal["rising", "falling"] = Field("rising", description='a part falls; or "falling"')
    bin_debounce_ms: float = Field(1.0, ge=0, le=1000, description="shorter changes are noise")


class RecipeGate(Section):
    """What may differ at the gate for one product; nothing: as in [gate]."""

    travel_ms: float | None = None
    travel_counts: int | None = None
    min_gap_ms: float | None = None
    min_gap_counts: int | None = None
    window_ms: float | None = None
    pulse_ms: float | None = None
    margin_ms: float | None = None
    lead_ms: float | None = None
    on_unsure: Action | None = None


class NamedRecipe(RecipeSettings):
    """One of several products: [recipes.NAME]."""

    bundle: str = Field("", description="its bundle; nothing: that of [model]")
    gate: RecipeGate = RecipeGate()


class ShadowSettings(Section):
    """A second bundle that scores the same parts and only tells where it would decide otherwise."""

    bundle: str = Field("", description="the bundle to try; empty: none")
    recipe: str = Field("default", min_length=1, description="the recipe whose parts it is shown")
    queue: int = Field(8, ge=1, le=1000, description="parts that wait for it; those beyond are dropped")


class MqttSettings(Section):
    """The broker."""

    enabled: bool = Field(default=True, description="false: no broker, verdicts stay in the journal")
    host: str = Field("127.0.0.1", min_length=1, description="name or address of the broker")
    port: Port = Field(1883, description="its port; 8883 is usual with tls")
    protocol: Literal["auto", "5", "3.1.1"] = Field("auto", description='"auto" tries 5 first, then 3.1.1')
    username: str = Field("", description="empty: none")
    password: SecretStr = Field(
        SecretStr(""),
        description="better given as a credential (docs/install.md) or EDGE_MQTT__PASSWORD than written here",
    )
    tls: Literal["auto", "on", "off"] = Field(
        "auto",
        description='"on": encrypt, and verify the broker\'s certificate; "auto": with a password or one '
        'of the files below; "off": never, the password goes in the clear',
    )
    ca_file: str = Field("", description="PEM file of the authority that signed it; empty: the system's")
    cert_file: str = Field("", description="PEM file of our own certificate, where the broker wants one")
    key_file: str = Field("", description="PEM file of its key")
    keepalive_s: int = Field(15, ge=2, le=3600, description="seconds after which a dead link is noticed")
    reconnect_max_s: float = Field(15.0, ge=0.1, le=3600, description="longest pause between attempts")
    bits: bool = Field(
        default=False,
        description="true: …/bits mirrors ready, busy and result for a PLC; two messages a part",
    )
    lots: bool = Field(default=False, description="true: …/lot says which lot the parts are of")
    response_topics: str = Field(
        "",
        description="where answers to commands may go besides …/response and what is below it: topics, with "
        'spaces; + and # as in MQTT: "hmi/+/answers"',
    )

    @property
    def encrypted(self) -> bool:
        """Whether the connection is encrypted, and the broker's certificate verified."""
        wanted = bool(self.password.get_secret_value() or self.ca_file or self.cert_file)
        return self.tls == "on" or (self.tls == "auto" and wanted)

    @field_validator("host", mode="before")
    @classmethod
    def _host_alone(cls, host: Any) -> Any:
        if isinstance(host, str) and ("@" in host or "/" in host):
            raise ValueError("a name or an address alone would be right; mqtt.password is for the password")
        return host

    @field_validator("response_topics")
    @classmethod
    def _lead_to_no_gate(cls, topics: str) -> str:
        for topic in topics.split():
            levels = topic.split("/")
            if levels[0] in ("inspection", "+", "#") or topic.startswith("$"):
                raise ValueError(f"{topic}: expected a topic that no station uses: not below inspection/")
            if "#" in "".join(levels[:-1]) or any(len(level) > 1 and {*level} & {*"+#"} for level in levels):
                raise ValueError(f"{topic}: expected + or # in the place of a whole level, # at the end")
        return topics

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("mqtt.cert_file and mqtt.key_file must be given together")
        if self.tls == "off" and (self.ca_file or self.cert_file):
            raise ValueError(
                'mqtt.tls: "off", but mqtt.ca_file or mqtt.cert_file is given; "on" would be right'
            )
        if self.password.get_secret_value() and not self.username:
            raise ValueError("mqtt.password: needs mqtt.username")
        return self


class JournalSettings(Section):
    """The record of every inspection, from which verdicts are sent."""

    path: str = Field("state/journal.sqlite", min_length=1, description="the SQLite file")
    max_rows: int = Field(
        1_000_000, ge=1000, description="the oldest inspections beyond this are deleted; about 1 kB each"
    )
    max_days: int = Field(
        365,
        ge=0,
        le=36500,
        description="older inspections are deleted, if they were sent; 0: never",
    )
    queue: int = Field(
        10_000, ge=1, le=1_000_000, description="inspections that wait in memory while the disk fails"
    )
    batch_ms: int = Field(
        0,
        ge=0,
        le=1000,
        description="wait so long to write several at once: spares an SD card, delays verdicts, and a killed "
        "process loses what waits",
    )
    sync_ms: int = Field(
        500, ge=50, le=60000, description="how often the disk is made to keep them: what a power cut may cost"
    )
    shifts: str = Field(
        "06:00 14:00 22:00",
        pattern=SHIFTS,
        description="when shifts begin, in local time, for `edge --counts`",
    )


class ArchiveSettings(Section):
    """Images of rejects, unsure parts and faults, and a share of what was ok; wears an SD card."""

    path: str = Field("", description='the folder, such as "state/archive"; empty: no archive')
    max_mb: int = Field(
        1000, ge=1, le=100_000_000, description="megabytes; beyond, the oldest ok images go first"
    )
    max_days: int = Field(30, ge=1, le=36500, description="older images are deleted")
    min_free_mb: int = Field(200, ge=0, description="with less free on its disk nothing is archived")
    ok_share: float = Field(0.01, ge=0, le=1, description="share of ok parts that is archived, chosen by id")
    format: Literal["png", "jpeg"] = Field(
        "png", description='"png" keeps every pixel, so that a replay decides the same; "jpeg" is smaller'
    )
    queue_mb: int = Field(64, ge=1, le=100_000, description="megabytes of images that wait to be written")


ALARMS = (
    "rejects-in-row",
    "reject-rate",
    "score-drift",
    "disk",
    "clock",
    "camera",
    "camera-settings",
    "gate",
    "bin",
    "bundle",
    "pins",
    "journal",
    "journal-full",
    "journal-replaced",
    "archive",
    "archive-slow",
    "broker",
    "outbox",
)
"""Every alarm that there is; docs/alarms.md says what each means."""


class AlarmSettings(Section):
    """What a person should be told of; docs/alarms.md says when each alarm is raised and cleared."""

    clear_s: float = Field(
        10.0, ge=0, le=3600, description="an alarm is cleared when its cause has been gone for so long"
    )
    rejects_in_row: int = Field(
        10, ge=0, le=10000, description="raised: so many parts in a row were rejected; 0 is off"
    )
    rate_window: int = Field(
        200, ge=0, le=10000, description="rejects are counted over so many parts; 0 is off"
    )
    rate_expected: float | None = Field(
        None, ge=0, le=1, description="share of rejects to expect; none learns it from the first parts"
    )
    rate_learn: int = Field(1000, ge=100, le=1000000, description="parts to learn that from after a start")
    drift_window: int = Field(
        200, ge=0, le=10000, description="scores of so many ok parts are compared with the bundle's; 0 is off"
    )
    drift_distance: float = Field(
        0.3, gt=0, lt=1, description="raised: their distribution functions are further apart than this"
    )
    false_alarms: float = Field(
        1e-5, gt=0, le=0.5, description="chance that a window is out of its limits though nothing changed"
    )
    disk_free_mb: float = Field(
        500.0, ge=0, description="raised: less is free where the station writes; 0 is off"
    )
    clock_s: float = Field(
        300.0, ge=0, le=86400, description="raised: not synchronised for so long; 0 is off"
    )
    outbox_s: float = Field(
        60.0, ge=0, le=86400, description="raised: verdicts wait so long for the broker; 0 is off"
    )
    off: str = Field(
        "", description='alarms that are never raised, by name, with spaces: "clock camera-settings"'
    )

    @model_validator(mode="after")
    def _off_is_known(self) -> Self:
        for name in self.off.split():
            if name not in ALARMS:
                raise ValueError(f"alarms.off: no alarm is called {name!r}; they are {', '.join(ALARMS)}")
        return self


class LogSettings(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level to write")


class MetricsSettings(Section):
    """What Prometheus may read of this station over HTTP; nobody is asked for a password."""

    port: int = Field(0, ge=0, le=65535, description="of http://…/metrics; 0 is off")
    address: str = Field(
        "127.0.0.1", min_length=1, description='of which network; "0.0.0.0": of all, so anybody may read'
    )


class Settings(BaseSettings):
    """All settings; build it with load_settings, which turns pydantic's errors into ours."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__"
    )

    station: StationSettings = StationSettings()
    camera: CameraSettings = CameraSettings()
    model: ModelSettings = ModelSettings()
    recipe: RecipeSettings = RecipeSettings()
    trigger: TriggerSettings = TriggerSettings()
    gate: GateSettings = GateSettings()
    pins: PinSettings = PinSettings()
    mqtt: MqttSettings = MqttSettings()
    journal: JournalSettings = JournalSettings()
    archive: ArchiveSettings = ArchiveSettings()
    alarms: AlarmSettings = AlarmSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    shadow: ShadowSettings = ShadowSettings()
    recipes: dict[RecipeName, NamedRecipe] = {}

    @model_validator(mode="after")
    def _recipes_fit(self) -> Self:
        if DEFAULT_RECIPE in self.recipes:
            raise ValueError(f"recipes.{DEFAULT_RECIPE}: this name means [recipe]; take another")
        for name in self.recipes:
            try:
                self.gate_of(name)
            except ValidationError as error:
                raise ValueError(f"recipes.{name}.gate: {reason_of(error)}") from error
        if self.shadow.recipe not in self.recipe_names:
            raise ValueError(f"shadow.recipe: there is no recipe {self.shadow.recipe!r}")
        return self

    @property
    def recipe_names(self) -> list[str]:
        """All recipes, "default" first."""
        return [DEFAULT_RECIPE, *self.recipes]

    def recipe_of(self, name: str) -> RecipeSettings:
        """Thresholds and region of a recipe."""
        return self.recipes.get(name, self.recipe)

    def bundle_of(self, name: str) -> str:
        """The bundle that the settings name for a recipe."""
        named = self.recipes.get(name)
        return named.bundle if named is not None and named.bundle else self.model.path

    def gate_of(self, name: str) -> GateSettings:
        """The gate as a recipe has it."""
        named = self.recipes.get(name)
        if named is None:
            return self.gate
        return GateSettings(**{**self.gate.model_dump(), **named.gate.model_dump(exclude_none=True)})


def setting_fields() -> Iterator[tuple[str, FieldInfo]]:
    """All settings as ("section.key", field), in the order of config.toml."""
    for section, table in Settings.model_fields.items():
        if section == RECIPES:
            continue
        model = cast("type[Section]", table.annotation)
        for key, field in model.model_fields.items():
            yield f"{section}.{key}", field


def reason_of(error: ValidationError) -> str:
    """What is wrong with the first value of all that are."""
    return in_words(error.errors()[0])
