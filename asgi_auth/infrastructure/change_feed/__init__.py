"""What changed, here and elsewhere: so that what is remembered stays true."""
