"""Safe mode: what a device does that crashes again and again, so that it always comes back with its pages up."""
