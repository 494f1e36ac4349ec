"""A local web page: degrade a photograph, restore it by several methods, compare. `clrface demo` serves it."""
