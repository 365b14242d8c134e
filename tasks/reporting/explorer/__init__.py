"""The threshold explorer: what every threshold would select, counted in the page itself."""
