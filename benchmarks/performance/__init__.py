"""Speed, memory and wear beside the least that a program of one's own would need; `make bench`."""
