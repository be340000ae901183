"""Pages that open without network, each one file: of a run, of a run on other photographs, of an audit."""
