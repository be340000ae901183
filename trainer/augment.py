"""Random changes to photographs. Which of them leave the label as it is, the user knows best."""

from collections.abc import Sequence
from typing import Any

FLIP, ROTATION, SHIFT, ZOOM, CONTRAST, BRIGHTNESS = (
    "flip",
    "rotation",
    "shift",
    "zoom",
    "contrast",
    "brightness",
)
KINDS = (FLIP, ROTATION, SHIFT, ZOOM, CONTRAST, BRIGHTNESS)

_FULL_TURN = 6.283185307179586
# From and to: radians, shares of the side, factors, and brightness where the whole range is 2.
RANGES = {
    FLIP: (-1.0, 1.0),  # below 0: mirrored
    ROTATION: (0.0, _FULL_TURN),
    SHIFT: (-0.06, 0.06),
    ZOOM: (0.85, 1.15),
    CONTRAST: (0.6, 1.4),
    BRIGHTNESS: (-0.25, 0.25),
}
NEUTRAL = {FLIP: 1.0, ROTATION: 0.0, SHIFT: 0.0, ZOOM: 1.0, CONTRAST: 1.0, BRIGHTNESS: 0.0}


def augment(images: Any, seed: Any, kinds: Sequence[str] = KINDS) -> Any:
    """Change a batch, float32 (N, H, W, C) in -1…1, each image its own way; ``seed``: int32 tensor (2,).

    Only by ``kinds``.
    """
    import tensorflow as tf

    def drawn(kind: str, number: int) -> Any:
        key = tf.stack([seed[0] + number, seed[1]])
        low, high = RANGES[kind] if kind in kinds else (NEUTRAL[kind], NEUTRAL[kind])
        return tf.random.stateless_uniform([tf.shape(images)[0]], key) * (high - low) + low

    flip, angle, zoom = drawn(FLIP, 0), drawn(ROTATION, 1), drawn(ZOOM, 2)
    moved = move(images, flip=flip, angle=angle, zoom=zoom, right=drawn(SHIFT, 3), down=drawn(SHIFT, 4))
    return relight(moved, contrast=drawn(CONTRAST, 5), brightness=drawn(BRIGHTNESS, 6))


def move(images: Any, *, flip: Any, angle: Any, zoom: Any, right: Any, down: Any) -> Any:
    """Mirror (``flip`` below 0), turn, zoom and shift images about their middle; all values (N,)."""
    import tensorflow as tf

    shape = tf.shape(images)
    height, width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    side = tf.where(flip < 0, -1.0, 1.0)
    a, b = tf.cos(angle) * zoom * side, -tf.sin(angle) * zoom
    c, d = tf.sin(angle) * zoom * side, tf.cos(angle) * zoom
    x, y = (width - 1) / 2, (height - 1) / 2
    shift_x = x - a * x - b * y + right * width
    shift_y = y - c * x - d * y + down * height
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, shift_x, c, d, shift_y, zero, zero], 1),
        output_shape=shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def relight(images: Any, *, contrast: Any, brightness: Any) -> Any:
    """Stretch images about their mean and brighten them, within what a camera gives; both values (N,)."""
    import tensorflow as tf

    mean = tf.reduce_mean(images, [1, 2, 3], keepdims=True)
    stretched = (images - mean) * contrast[:, None, None, None] + mean
    return tf.clip_by_value(stretched + brightness[:, None, None, None], -1.004, 0.996)
