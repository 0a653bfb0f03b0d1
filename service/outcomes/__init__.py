"""The domain, pure, in clinic words."""
