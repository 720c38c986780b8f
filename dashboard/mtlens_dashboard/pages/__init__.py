"""One page per file: choose, label, explain. Data come from `queries`, figures from `figures`."""
