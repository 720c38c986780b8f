"""Runs an experiment: its plan, its cost, the queue of its jobs, and the workers that do them, with or without Ray."""
