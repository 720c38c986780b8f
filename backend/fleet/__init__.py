"""Many runs side by side: Ray Train's lanes, the broker that feeds them, and the plain path without Ray."""
