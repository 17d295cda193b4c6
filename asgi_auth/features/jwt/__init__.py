"""JSON Web Tokens: issued here, and verified, ours and those of other issuers (RFC 7519)."""
