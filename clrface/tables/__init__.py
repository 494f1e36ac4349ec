"""From score files to tables: bootstrap intervals, ranking, and the table as CSV, JSON, Markdown, TeX and on the terminal."""
