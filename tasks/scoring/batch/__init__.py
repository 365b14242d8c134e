"""The batch API: the same judge asked by files, at half the price, with up to a day to wait."""
