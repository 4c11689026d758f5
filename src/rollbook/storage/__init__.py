"""MongoDB: the connection, transactions, DAOs, indexes, validators and paging."""
