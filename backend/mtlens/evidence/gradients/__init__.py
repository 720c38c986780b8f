"""Gradients of several tasks in the shared parameters, and the estimates that are made from them."""
