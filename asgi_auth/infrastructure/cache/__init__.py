"""What is remembered so that it need not be read again: in this process, and in Redis for all of them."""
