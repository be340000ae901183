"""The modes of the `edge` command, one module each."""
