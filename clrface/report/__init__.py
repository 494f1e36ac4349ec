"""Images and pages for readers: sample sheets, curves, and the report."""
