"""What a person should know: rules that notice, a register that says it once, and the way to the broker."""
