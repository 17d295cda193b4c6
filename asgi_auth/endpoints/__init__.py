"""The mountable app: Better Auth's endpoints over our services."""
