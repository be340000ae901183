"""The drawn conveyor: parts, their defects, and the truth about each."""
