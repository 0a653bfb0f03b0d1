"""The domain, pure, in clinic words: the rules that no profile can say. docs/rules.md tells them in words."""
