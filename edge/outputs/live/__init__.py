"""The station as it is now, on a Unix socket: for the operator's page, a process of its own."""
