"""From files or synthetic reports to examples, and from examples to tokens."""
