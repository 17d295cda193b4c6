"""Everything secret-shaped: random tokens, signatures, encryption, password hashes, without HTTP or I/O."""
