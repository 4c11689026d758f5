"""Who calls, and what they may do: permissions, principals and guards."""
