"""Breaking the harness on purpose: trials whose outcome must be a right result, or one message and a non-zero exit."""
