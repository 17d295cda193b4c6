"""The cookies of one configuration: what they are called, what they hold, how they are set, read and cleared."""
