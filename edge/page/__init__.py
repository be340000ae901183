"""The operator's page: a process of its own, which looks at what the station offers and keeps."""
