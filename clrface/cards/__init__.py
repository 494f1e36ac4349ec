"""Cards: literals that say what a method or a metric is, read without importing the module that holds them."""
