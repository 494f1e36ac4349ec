"""Pictures for readers: sample sheets."""
