"""Cards: literals that describe a method or a metric, read without importing their module."""
