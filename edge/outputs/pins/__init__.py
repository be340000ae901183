"""The device's own pins: inputs, the ejector, the encoder."""
