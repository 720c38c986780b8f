"""One figure as an image, or all of them as one HTML page."""
