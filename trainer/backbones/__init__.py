"""Pretrained networks that a method can learn on, one file each; README.md says how to add one."""
