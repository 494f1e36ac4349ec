"""From score files to tables: ranking, and CSV, JSON, Markdown, TeX and the terminal."""
