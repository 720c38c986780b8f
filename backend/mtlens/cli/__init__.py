"""The `mtlens` command: subcommands, and what they print."""
