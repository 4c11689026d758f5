"""What all commands share: how they open the database, read input and print results."""
