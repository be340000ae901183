"""Random changes that leave the label as it is: rotation, flips, shift, zoom, contrast, brightness."""

from typing import Any

FULL_TURN = 6.283185307179586
SHIFT, ZOOM, CONTRAST, BRIGHTNESS = 0.06, 0.1, 0.2, 0.15


def augment(images: Any, seed: Any) -> Any:
    """Change a batch, float32 (N, H, W, C) in -1…1; ``seed`` is an int32 tensor (2,)."""
    import tensorflow as tf

    shape = tf.shape(images)
    count, height, width = shape[0], tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)

    def uniform(number: int, low: float, high: float) -> Any:
        return tf.random.stateless_uniform([count], tf.stack([seed[0] + number, seed[1]]), low, high)

    angle = uniform(0, 0.0, FULL_TURN)
    scale = uniform(1, 1 - ZOOM, 1 + ZOOM)
    flip = tf.where(uniform(2, 0.0, 1.0) < 0.5, -1.0, 1.0)
    a, b = tf.cos(angle) * scale * flip, -tf.sin(angle) * scale
    c, d = tf.sin(angle) * scale * flip, tf.cos(angle) * scale
    x, y = (width - 1) / 2, (height - 1) / 2
    shift_x = x - a * x - b * y + uniform(3, -SHIFT, SHIFT) * width
    shift_y = y - c * x - d * y + uniform(4, -SHIFT, SHIFT) * height
    zero = tf.zeros_like(a)
    transforms = tf.stack([a, b, shift_x, c, d, shift_y, zero, zero], 1)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    contrast = uniform(5, 1 - CONTRAST, 1 + CONTRAST)[:, None, None, None]
    brightness = uniform(6, -BRIGHTNESS, BRIGHTNESS)[:, None, None, None]
    mean = tf.reduce_mean(moved, [1, 2, 3], keepdims=True)
    return tf.clip_by_value((moved - mean) * contrast + mean + brightness, -1.004, 0.996)
