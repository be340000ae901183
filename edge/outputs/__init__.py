"""Who is told of results, commands, state and alarms."""
