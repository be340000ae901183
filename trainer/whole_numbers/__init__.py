"""Networks rounded in the trainer as int8 rounds them, so that what is measured is what the device does."""
