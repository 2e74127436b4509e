"""From the texts of inputs to their values, where that is more than a line. Pure."""
