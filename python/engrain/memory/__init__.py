"""The memory: index, lexical search, ranking, ledger and the public face."""
