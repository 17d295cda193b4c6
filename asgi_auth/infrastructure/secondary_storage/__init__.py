"""Sessions and verifications in Redis, under Better Auth's keys and in its JSON."""
