"""The three learning loops: instant, background, deep."""
