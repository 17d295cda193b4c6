"""What changed in the database, told by the database itself: whoever wrote, another program included."""
