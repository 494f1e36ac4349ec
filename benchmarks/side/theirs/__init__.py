"""What peers run, in a process of the peers' environment: nothing here needs clrface's own packages."""
