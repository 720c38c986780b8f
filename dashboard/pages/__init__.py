"""One page per file: choose, label, explain. Data comes from `dashboard.views`, pictures from `dashboard.figures`."""
